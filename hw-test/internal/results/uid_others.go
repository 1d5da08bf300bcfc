//go:build !linux

package results

import "os"

func userID() int { return os.Getuid() }
