package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// minSecret is how long a secret must be, in bytes: as long as HS256's hash (RFC 7518, 3.2).
const minSecret = 32

// secret gives the key that tokens are signed with: auth.secret, or one that is made at the first start and kept.
func (n *node) secret() ([]byte, error) {
	if n.Auth.Secret != "" {
		return []byte(n.Auth.Secret), nil
	}
	path := filepath.Join(n.Data.Dir, "secret")
	if !n.roles.projector {
		n.logger.Warn("auth.secret is not set: the one in the data folder is used. All edges need the same one, or a token of one is nothing to another", "file", path)
	}
	if err := os.MkdirAll(n.Data.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("data.dir: %w; choose a folder that can be written (--data)", err)
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = makeSecret(path)
	}
	if err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	if s := strings.TrimSpace(string(b)); len(s) >= minSecret {
		return []byte(s), nil
	}
	return nil, fmt.Errorf("secret: %s holds less than %d bytes; delete it, which signs everybody out, or set auth.secret", path, minSecret)
}

// makeSecret writes a new secret whole or not at all; where another process was faster, its secret is the one.
func makeSecret(path string) ([]byte, error) {
	var key [minSecret]byte
	rand.Read(key[:])                                        // never fails
	f, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // readable by its owner alone
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(base64.RawURLEncoding.EncodeToString(key[:]) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}
