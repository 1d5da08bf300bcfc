// Package compare is hw-test compare: it holds the results of some runs against
// those of others, and says what got worse.
//
//	directories ──▶ load ──▶ groups of runs: A the baseline, B, C, …
//	                           │
//	              ┌────────────┼─────────────┐
//	              ▼            ▼             ▼
//	         differences     cases        figures
//	         host, build,    verdicts,    samples of A and B ──▶ judge
//	         preflight,      the most                             │
//	         settings        frequent     median, MAD, Mann-Whitney U, Holm
//	              │            │             │
//	              └────────────┴──────▶ Report ──▶ text, or JSON
//
// What a single figure is worth is told by the others of its group only, so
// nothing is assumed of how they are distributed: medians are told, and a rank
// test judges. Each comparison asks it many questions, one for each figure; the
// error of all answers together is what is kept to 1 − confidence.
package compare
