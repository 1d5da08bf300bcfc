package cli

import "testing"

func TestShell(t *testing.T) {
	for want, words := range map[string][]string{
		"":                                   nil,
		"hw-test self --size=64":             {"hw-test", "self", "--size=64"},
		`hw-test '' 'a b' 'it'\''s' '$HOME'`: {"hw-test", "", "a b", "it's", "$HOME"},
	} {
		if got := Shell(words...); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
