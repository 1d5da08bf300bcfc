package results

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// columns of results.csv.
var columns = []string{"suite", "case", "verdict", "figure", "value", "unit", "better"}

// CSV writes a line for each figure of s, after one with the columns' names. A
// case without figures has one line, with nothing in figure and after it.
// Values have all their digits.
func CSV(w io.Writer, s *Session) error {
	c := csv.NewWriter(w)
	lines := [][]string{columns}
	for _, suite := range s.Suites {
		for _, k := range suite.Cases {
			at := []string{suite.Name, k.Name, string(k.Verdict)}
			for _, f := range k.Figures {
				lines = append(lines, append(at[:3:3], f.Name, digits(f.Value), f.Unit, string(f.Better)))
			}
			if len(k.Figures) == 0 {
				lines = append(lines, append(at, "", "", "", ""))
			}
		}
	}
	if err := c.WriteAll(lines); err != nil {
		return fmt.Errorf("write results as CSV: %w", err)
	}
	return nil
}

// digits is v for machines: as many digits as it takes to read it back, and no
// exponent, which not every spreadsheet reads.
func digits(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
