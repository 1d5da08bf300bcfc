// Package cli is what pktgen, rcv and hw-test share: numbers as people write
// them, the one result that every program reports, the interval line, the
// exit statuses, and the two-step ^C.
//
//	flags ──▶ RateValue, CountValue, DurationValue, …      (values.go)
//	             │
//	          the program runs; ^C cancels its context     (signals.go)
//	             │
//	   cumulative Result, once per interval ──▶ Reporter   (progress.go)
//	             │                                ├─ stderr: the interval line
//	             │                                └─ stdout: --json-stream
//	   last Result ──▶ Reporter.Final             ├─ stderr: Sent … Speed: …
//	             │                                └─ stdout: --json
//	          Status(err): 0, 1, 2, 3              (exit.go)
//
// The program owns its counters and its ticker. It hands over a Result that
// counts from the start of the run; the Reporter keeps the one before and
// prints the difference. Nothing here starts a goroutine but Signals.
//
// Units are the same everywhere: packets are frames as the port's backend
// counts them, bytes are frame bytes without the CRC, seconds are wall-clock
// seconds, rates are per second and decimal (1 K is 1000).
package cli
