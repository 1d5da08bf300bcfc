package remote

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"runtime"
)

// An image is the file of hw-test for some system.
type image struct {
	bytes []byte
	sum   string // sha256, in hex
}

// name is the file's on the host: another binary never has the same.
func (b *image) name() string { return "hw-test-" + b.sum[:16] }

// imageFor reads what Config names for a host, or else this program.
func (c *Config) imageFor(f Facts) (*image, error) {
	system := f.OS + "/" + f.Arch
	path, named := c.Binaries[system]
	switch {
	case named:
	case system != runtime.GOOS+"/"+runtime.GOARCH:
		return nil, fmt.Errorf("the host is %s and hw-test for that is not at hand: build it with "+
			"\"CGO_ENABLED=0 GOOS=%s GOARCH=%s go build -o hw-test-%[2]s-%[3]s ./hw-test\" and name the file for it", system, f.OS, f.Arch)
	case runtime.GOOS == "linux":
		path = "/proc/self/exe" // even if the file has been replaced or removed since
	default:
		var err error
		if path, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find this program's own file: %w", err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read hw-test for %s: %w", system, err)
	}
	sum := sha256.Sum256(text)
	return &image{text, hex.EncodeToString(sum[:])}, nil
}
