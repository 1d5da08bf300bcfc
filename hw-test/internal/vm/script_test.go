package vm

import (
	"fmt"
	"strings"
	"testing"
)

// text shows jobs in one line: words in brackets, operators between.
func text(jobs []job) string {
	var b strings.Builder
	for _, j := range jobs {
		for _, s := range j.steps {
			fmt.Fprintf(&b, "%s%q", map[operator]string{opFirst: "", opAnd: " && ", opOr: " || "}[s.op], s.argv)
		}
		b.WriteString(map[bool]string{true: " & ", false: " ; "}[j.background])
	}
	return strings.TrimSpace(b.String())
}

func TestParseScript(t *testing.T) {
	for in, want := range map[string]string{
		`echo hello`:                    `["echo" "hello"] ;`,
		`  a  b;`:                       `["a" "b"] ;`,
		`a && b || c`:                   `["a"] && ["b"] || ["c"] ;`,
		`a&&b&c||d;e`:                   `["a"] && ["b"] & ["c"] || ["d"] ; ["e"] ;`,
		`a & b & wait`:                  `["a"] & ["b"] & ["wait"] ;`,
		`a &`:                           `["a"] &`,
		"a\nb\n\n c && \n d\n":          `["a"] ; ["b"] ; ["c"] && ["d"] ;`,
		`echo 'a b' "c d"e''f`:          `["echo" "a b" "c def"] ;`,
		`echo '' ""`:                    `["echo" "" ""] ;`,
		`echo 'a"$b\' "it's \"\\\$ \n"`: `["echo" "a\"$b\\" "it's \"\\$ \\n"] ;`,
		`echo a\ b \; \& \$x \'`:        `["echo" "a b" ";" "&" "$x" "'"] ;`,
		`sh -c 'ls | wc > x'`:           `["sh" "-c" "ls | wc > x"] ;`,
		`pktgen -i netmap:x{1 netmap:x}1 netmap:eth0^ netmap:eth0* ~ # = !`: `["pktgen" "-i" "netmap:x{1" "netmap:x}1" "netmap:eth0^" "netmap:eth0*" "~" "#" "=" "!"] ;`,
	} {
		jobs, err := parseScript(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
		} else if got := text(jobs); got != want {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
	}
}

func TestParseScriptErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":            "no command in",
		" \n\t":       "no command in",
		"&& a":        "no command before the &&",
		"a || && b":   "no command before the &&",
		"; a":         "no command before the ;",
		"a ;; b":      "no command before the ;",
		"a && ; b":    "no command before the ;",
		"a && & b":    "no command before the &",
		"a &&":        "ends where a command is missing",
		"a || \n":     "ends where a command is missing",
		"echo 'a":     "quote ' in",
		`echo "a\"`:   `quote " in`,
		`echo a\`:     "ends with a backslash",
		"a | b":       "is for a shell",
		"a > b":       "is for a shell",
		"a < b":       "is for a shell",
		"(a)":         "is for a shell",
		"echo $X":     "is for a shell",
		"echo `x`":    "is for a shell",
		`echo "$X"`:   "is for a shell",
		"echo \"`x\"": "is for a shell",
	} {
		jobs, err := parseScript(in)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %s and the error %v, want one with %q", in, text(jobs), err, want)
		}
	}
}

// FuzzParseScript holds that what is accepted is runnable: jobs with commands
// with words; and that quoting brings any words through.
func FuzzParseScript(f *testing.F) {
	f.Add("a && b || c & d ; e", "it's")
	f.Add(`echo 'x' "y\"" \z`, "")
	f.Fuzz(func(t *testing.T, script, word string) {
		jobs, err := parseScript(script)
		for _, j := range jobs {
			for i, s := range j.steps {
				if len(s.argv) == 0 || (i == 0) != (s.op == opFirst) {
					t.Fatalf("%q is %s", script, text(jobs))
				}
			}
		}
		if (err == nil) == (len(jobs) == 0) {
			t.Fatalf("%q gives %d jobs and %v", script, len(jobs), err)
		}
		quoted := "echo '" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		jobs, err = parseScript(quoted)
		if err != nil || len(jobs) != 1 || len(jobs[0].steps[0].argv) != 2 || jobs[0].steps[0].argv[1] != word {
			t.Fatalf("%s gives %s and %v", quoted, text(jobs), err)
		}
	})
}
