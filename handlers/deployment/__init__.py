"""RouterProvisioningJob: the whole hotspot of one router, put there, verified, or taken back."""
