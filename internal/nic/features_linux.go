package nic

import "github.com/safchain/ethtool"

// Features returns the state of an interface's features by the kernel's names.
//
// The library (v0.7.0) has the kernel write into its stack by an address that it
// keeps as a number. Should the stack be moved at that moment, which happens when
// it grows, nothing is read, and every feature seems off and unchangeable. No
// interface is so (NETIF_F_NEVER_CHANGE, include/linux/netdev_features.h), and
// the next reading is right.
func Features(e interface {
	FeaturesWithState(string) (map[string]ethtool.FeatureState, error)
}, name string) (all map[string]ethtool.FeatureState, err error) {
	for range 5 {
		if all, err = e.FeaturesWithState(name); err != nil {
			return nil, err
		}
		for _, f := range all {
			if f != (ethtool.FeatureState{}) {
				return all, nil
			}
		}
	}
	return all, nil
}
