"""The supervisor: model, desired, advance, reconcile and plan decide (pure); the other modules act."""
