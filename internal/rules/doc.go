// Package rules holds, as tests, the rules of this repository that the
// compiler does not: who may import whom, where unsafe may be, what every
// file has to look like.
//
//	the tree ──▶ goFiles, texts ──▶ one check per rule ──▶ faults, a sentence each
//
// The checks read the sources themselves and not what the go command makes of
// them for one system, so a file for FreeBSD obeys the same rules as one for
// Linux. Each check is tested on a small invented tree that breaks its rule.
// The package holds nothing to import.
package rules
