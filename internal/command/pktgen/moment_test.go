package pktgen

import (
	"testing"
	"time"
)

func TestMoment(t *testing.T) {
	for text, want := range map[string]string{
		"2026-05-04T12:00:00Z":           "2026-05-04T12:00:00Z",
		"2026-05-04T14:00:00.25+02:00":   "2026-05-04T12:00:00.25Z",
		"2026-05-04T12:00:00.123456789Z": "2026-05-04T12:00:00.123456789Z",
		"@0":                             "1970-01-01T00:00:00Z",
		"@1777896000":                    "2026-05-04T12:00:00Z",
		"@1777896000.5":                  "2026-05-04T12:00:00.5Z",
		"@1777896000.000000001":          "2026-05-04T12:00:00.000000001Z",
		"@1777896000.1234567899":         "2026-05-04T12:00:00.123456789Z",
		"":                               "",
		"@":                              "",
		"@-1":                            "",
		"@1e9":                           "",
		"@1.+5":                          "",
		"@1.5.5":                         "",
		"@18446744073709551615":          "",
		"1777896000":                     "",
		"2026-05-04":                     "",
		"2026-05-04 12:00:00":            "",
		"tomorrow":                       "",
	} {
		var m moment
		err := m.Set(text)
		if got := m.UTC().Format(time.RFC3339Nano); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: %s, %v; want %s", text, got, err, want)
		}
	}
	for ahead, ok := range map[time.Duration]bool{-99 * time.Hour: true, 0: true, 23 * time.Hour: true, 25 * time.Hour: false} {
		m := moment{time.Now().Add(ahead)}
		if err := m.near(); (err == nil) != ok {
			t.Errorf("%v ahead: %v", ahead, err)
		}
	}
	if err := (&moment{}).near(); err != nil {
		t.Error(err)
	}
}
