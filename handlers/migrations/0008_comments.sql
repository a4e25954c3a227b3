-- What a row is, for `\d+` and for docs/reference/hotspot-data.md.
COMMENT ON TABLE hotspot.schema_version IS 'A file of handlers/migrations that has been applied.';
COMMENT ON TABLE hotspot.users IS 'A customer: phone, user name and password. Never deleted by a job.';
COMMENT ON TABLE hotspot.packages IS 'What can be bought: price, time, speed, devices, bytes, and who lets its customers in.';
COMMENT ON TABLE hotspot.routers IS 'A router: where it is, whether it answers (reach), whether it is set up (deploy), what it refuses (problem). No credentials.';
COMMENT ON TABLE hotspot.router_journal IS 'One write of a deployment that is not verified yet, with what undoes it.';
COMMENT ON TABLE hotspot.router_data IS 'What a router said of itself last.';
COMMENT ON TABLE hotspot.stk_requests IS 'What a customer was asked to pay: the source of amount, phone, package and router.';
COMMENT ON TABLE hotspot.mpesa_inbox IS 'One delivery of M-Pesa''s, as it came, and what it came to.';
COMMENT ON TABLE hotspot.payments IS 'Money that came, once for each receipt, whatever became of it.';
COMMENT ON TABLE hotspot.subscriptions IS 'Time that was paid for. Those of one customer never overlap.';
COMMENT ON TABLE hotspot.sms_outbox IS 'A message with user name and password, and whether it may (still) go out.';
COMMENT ON TABLE hotspot.sms_account IS 'The one account at the SMS gateway: its rate, and why it stands still.';
COMMENT ON TABLE hotspot.sessions IS 'A session as RADIUS accounted for it. Its counters only grow.';
COMMENT ON TABLE hotspot.disconnects IS 'A wish that sessions end, and what came of it.';
COMMENT ON TABLE hotspot.dashboard_stats IS 'The dashboard''s numbers, all of one moment.';
COMMENT ON TABLE hotspot.reports IS 'A report on all queues.';
