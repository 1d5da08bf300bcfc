package nic

import (
	"testing"

	"github.com/safchain/ethtool"
)

// forgetful reads nothing for some time.
type forgetful int

func (f *forgetful) FeaturesWithState(string) (map[string]ethtool.FeatureState, error) {
	*f--
	return map[string]ethtool.FeatureState{"rx-gro": {Available: *f <= 0}}, nil
}

func TestFeaturesReadsAgain(t *testing.T) {
	for times, want := range map[forgetful]bool{1: true, 3: true, 1000: false} {
		all, err := Features(&times, "x")
		if err != nil || all["rx-gro"].Available != want {
			t.Errorf("%v, %v", all, err)
		}
	}
}
