package results

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"
)

// The elements of JUnit XML that Jenkins, GitLab and their like all read, in
// the order that schemas ask for: Jenkins's xUnit schema (junit-10.xsd) knows
// properties in a suite only, so that figures are in a case's output.
type (
	junitFile struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Class   string       `xml:"classname,attr"`
		Name    string       `xml:"name,attr"`
		Time    string       `xml:"time,attr"`
		Skipped *junitResult `xml:"skipped"`
		Failure *junitResult `xml:"failure"`
		Error   *junitResult `xml:"error"`
		Output  string       `xml:"system-out,omitempty"`
	}
	// junitResult has its sentence twice: some readers show the message, some
	// the text.
	junitResult struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes s as JUnit XML: a test suite for each suite, a test case for
// each case. What lost packets or promises is a failure, what says nothing
// about them an error, with the verdict as its type. A preflight that fails
// and is not overruled is an error of its own, for no case tells of it; one
// where the system lacks something is skipped.
func JUnit(w io.Writer, s *Session) error {
	f := junitFile{Name: "hw-test", Time: junitTime(s.Seconds)}
	add := func(j junitSuite) {
		f.Suites = append(f.Suites, j)
		f.Tests += j.Tests
		f.Failures += j.Failures
		f.Errors += j.Errors
	}
	if p := s.Preflight; p != nil && !s.Forced {
		if err := p.Err(); err != nil {
			v := Invalid
			if p.Lacks() {
				v = Skipped
			}
			add(newJUnit(s, &Suite{Name: "preflight", Cases: []*Case{
				{Name: "preflight", Verdict: v, Sentence: err.Error()},
			}}))
		}
	}
	for _, suite := range s.Suites {
		add(newJUnit(s, suite))
	}
	b, err := xml.MarshalIndent(f, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, b)
	}
	if err != nil {
		return fmt.Errorf("write results as JUnit XML: %w", err)
	}
	return nil
}

func newJUnit(s *Session, suite *Suite) junitSuite {
	start := suite.Start
	if start.IsZero() { // not run
		start = s.Start
	}
	j := junitSuite{
		Name: suite.Name, Tests: len(suite.Cases), Time: junitTime(suite.Seconds),
		// Schemas have a time without a zone here.
		Timestamp: start.UTC().Format("2006-01-02T15:04:05"),
	}
	for _, p := range []junitProperty{
		{"version", s.Build.Version}, {"revision", s.Build.Revision}, {"go", s.Build.Go},
		{"os", s.Host.OS}, {"arch", s.Host.Arch}, {"kernel", s.Host.Kernel}, {"cpu", s.Host.CPU},
		{"environment", suite.Environment.What},
	} {
		if p.Value != "" {
			j.Properties = append(j.Properties, p)
		}
	}
	for _, k := range suite.Cases {
		c := junitCase{Class: "hw-test." + suite.Name, Name: k.Name, Time: junitTime(k.Seconds)}
		result := &junitResult{Type: string(k.Verdict), Message: k.Sentence, Text: k.Sentence}
		switch k.Verdict {
		case Passed:
		case Skipped:
			c.Skipped = result
			j.Skipped++
		case Failed, None:
			c.Failure = result
			j.Failures++
		default:
			c.Error = result
			j.Errors++
		}
		var out strings.Builder
		for _, f := range k.Figures {
			fmt.Fprintf(&out, "%s: %s\n", f.Name, strings.TrimSpace(digits(f.Value)+" "+f.Unit))
		}
		c.Output = out.String()
		j.Cases = append(j.Cases, c)
	}
	return j
}

// junitTime is a time as schemas have it: digits, no sign, no exponent.
func junitTime(seconds float64) string {
	if !(seconds > 0 && seconds <= math.MaxFloat64) {
		seconds = 0
	}
	return fmt.Sprintf("%.3f", seconds)
}
