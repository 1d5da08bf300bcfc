package results

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Tar writes the directory as a tar archive, which is how results come out of a
// virtual machine.
func (d *Dir) Tar(w io.Writer) error {
	t := tar.NewWriter(w)
	if err := errors.Join(t.AddFS(os.DirFS(d.path)), t.Close()); err != nil {
		return fmt.Errorf("write the results as an archive: %w", err)
	}
	return nil
}

// What an archive may hold: a day of trials is less.
const (
	mostFiles     = 100_000
	mostFileBytes = 64 << 20
	mostBytes     = 1 << 30
)

// errArchive is wrapped where an archive is not what Tar writes.
var errArchive = errors.New("not an archive of results")

// Untar reads an archive to its end and makes its files in d, none of which may
// be there. It trusts nothing in it: only files and directories below d are
// made, with permissions of its own, and not more than fit a session.
func Untar(r io.Reader, d *Dir) error {
	if err := untar(tar.NewReader(r), d.File); err != nil {
		return fmt.Errorf("unpack results: %w", err)
	}
	return nil
}

// untar hands each file to file.
func untar(t *tar.Reader, file func(name string, b []byte) error) error {
	files, left := 0, int64(mostBytes)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errArchive, err)
		}
		name := strings.TrimSuffix(h.Name, "/")
		switch {
		case !plainName(name):
			return fmt.Errorf("%w: it has a file %.80q", errArchive, h.Name)
		case h.Typeflag == tar.TypeDir:
			continue // made with the files in it
		case h.Typeflag != tar.TypeReg || sparse(h):
			return fmt.Errorf("%w: %.80q is no plain file or directory", errArchive, h.Name)
		}
		if files++; files > mostFiles {
			return fmt.Errorf("%w: it has more than %d files", errArchive, mostFiles)
		}
		most := min(mostFileBytes, left)
		b, err := io.ReadAll(io.LimitReader(t, most+1))
		switch {
		case err != nil:
			return fmt.Errorf("%w: %.80q: %w", errArchive, h.Name, err)
		case int64(len(b)) > most:
			return fmt.Errorf("%w: it is too large at %.80q", errArchive, h.Name)
		}
		left -= int64(len(b))
		if err := file(filepath.FromSlash(name), b); err != nil {
			return err
		}
	}
}

// sparse tells of a file with holes, which is larger than the archive it comes
// in.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// plainName tells whether a name is that of a file below a directory, in the
// one way to write it, and short enough for any file system.
func plainName(s string) bool {
	return s != "" && len(s) <= 255 && s == path.Clean(s) && filepath.IsLocal(s) && s != "." && !strings.ContainsAny(s, "\\:\x00")
}
