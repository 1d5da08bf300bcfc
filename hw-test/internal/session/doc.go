// Package session is what a run of hw-test has around its suites: a look at the
// host before, a directory for what is found, and the report at the end.
//
//	Start ── preflight ── a new directory (package results)
//	  │
//	  ├─ Begin("throughput") ─ Trial … Trial ─ End ─▶ suites/, trials/, as they end
//	  ├─ Begin("latency")    ─ …
//	  │
//	Finish ──▶ results.json, CSV, JUnit, report.html; its path is the last line
//
// While it runs, --metrics serves to Prometheus, each with the label suite:
//
//	ringwalk_harness_trials_total                   trials done
//	ringwalk_harness_load_pps                       of the case under way (label case)
//	ringwalk_harness_left_seconds                   about how long the run still takes
//	ringwalk_harness_cases                          of suites that have ended, by verdict
//	ringwalk_harness_figure                         what they found, by case, figure and unit
//
// A Session and its suites belong to one goroutine. What cannot be written does
// not end a run: it is said at the end, and the exit status is 1.
package session
