//go:build !linux

package qdiscs

import "github.com/ringwalk/ringwalk/qdisc"

func napi(string, bool, bool) error { return qdisc.ErrNotSupported }

func noTSO(string) error { return qdisc.ErrNotSupported }
