// Package results is what a run of hw-test leaves behind: a directory that is
// never written over, and the model that its files are made from.
//
//	Session ── what was run, where, when, by which build; preflight
//	  └── Suite ── "throughput": settings, verdicts, notes
//	        └── Case ── "64": a verdict, a sentence
//	              ├── Figure ── "NDR": 812743, pps, higher is better
//	              ├── Plot ── loss against rate
//	              └── Trials ── files with everything that was counted
//
//	~/.local/state/ringwalk/results/20261127T201300Z-throughput/
//	├── report.html       for people: one file, needs no network
//	├── results.json      the Session
//	├── results.csv       a line for each figure
//	├── junit.xml         a test case for each case, for CI systems
//	├── preflight.json    what was found before
//	├── lab.yaml          a copy of the lab file, if there was one
//	├── suites/           each suite's own report, as its --json prints it
//	└── trials/           one file for each trial, written when it ends
//
// Names of suites, cases and figures are the same in every run of the same
// plan: that is how runs are compared (hw-test compare).
package results
