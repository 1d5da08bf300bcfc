//go:build !linux

package mirror

import "time"

func processTime() time.Duration { return 0 }
