//go:build !linux

package journal

func bootID() (string, error)                    { return "", ErrNotSupported }
func namespace() (string, error)                 { return "", ErrNotSupported }
func inNamespace(_ string, _ func() error) error { return ErrNotSupported }
