// Package search finds the highest rates at which a device loses no more than
// so much: RFC 2544's throughput (section 26.1) for a loss ratio of 0, and the
// same for others, in one pass. It decides which trial is next and what a set
// of trials means; it sends nothing itself and reads no clock.
//
//	Config: goals, rates from Min to Max, durations, width
//	  │
//	  ▼            load, duration
//	┌─────┐ ───────────────────────▶ ┌─────────┐
//	│ Run │                          │ Measure │ the caller's: one trial
//	└─────┘ ◀─────────────────────── └─────────┘
//	  │      sent, lost, or why the trial says nothing of the device
//	  ▼
//	Result: for each goal  Lower ├───────┤ Upper   (at most Width apart)
//	                       passes         fails
//
// The search goes through targets, each of longer trials and finer width than
// the one before: two thirds of the trials are short ones that find out where
// to look, and only what the last target has seen, with trials of full length,
// counts in the result.
//
//	target   trials of    bounds at most
//	0        1 s          4 widths apart
//	1        3.2 s        2
//	2        10 s         1
//
// Within a target each goal is served in turn, that of the smaller loss ratio
// first: Max at first, then what came through there, then away from the bound
// in growing steps until there is one on either side, then halves.
//
// # What it takes from MLRsearch
//
// Terms and rules are those of MLRsearch (RFC 9971, "Multiple Loss Ratio
// Search", May 2026): how trials at one load make it an upper bound, a lower
// bound or neither (its appendix "Load Classification Code"); what the relevant
// bounds are, if a device passes at a higher rate than one at which it failed
// (the failure counts, the pass is taken for luck); the conditional throughput,
// which is what came through at the lower bound (its appendix "Conditional
// Throughput Code"); regular and irregular results. Max, Min and the targets
// are what that document leaves to implementations.
//
// All goals share durations, width and Confirm, the number of full-length
// trials that may decide about one load: its duration sum is that many final
// durations. With Confirm 1 the exceed ratio is 0, and a trial that lost is
// the end of a load; with final trials of 60 s that is RFC 2544 to the letter.
// With more the exceed ratio is one half: with 2, one full-length trial that
// lost is repeated and forgiven if the second did not (as ETSI TST 009's binary
// search with loss verification, 12.3.3, with max(r) 2).
//
// It differs in two things:
//
//   - A trial may say nothing about the device, because the tester was at
//     fault. RFC 9971 would have a severe deviation of the offered load turned
//     into loss. Here such a load is a ceiling for all goals, and a goal whose
//     search ends below the ceiling gets that for a verdict instead of a
//     throughput.
//   - A goal that even Min fails is not a result of 0 but "none", with what was
//     lost at which rate.
package search
