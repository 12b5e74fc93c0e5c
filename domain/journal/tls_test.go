package journal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"parley/domain/journal"
	"parley/domain/journal/journaltest"
)

// papers makes an authority and, signed by it, a certificate for this machine, as files.
func papers(t *testing.T) (ca, cert, key string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sign := func(template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) []byte {
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	newKey := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	authority := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	machine := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "machine"}, NotBefore: from, NotAfter: to,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	authorityKey, machineKey := newKey(), newKey()
	ca = write("ca.pem", "CERTIFICATE", sign(authority, authority, authorityKey, authorityKey))
	cert = write("cert.pem", "CERTIFICATE", sign(machine, authority, machineKey, authorityKey))
	der, err := x509.MarshalECPrivateKey(machineKey)
	if err != nil {
		t.Fatal(err)
	}
	return ca, cert, write("key.pem", "EC PRIVATE KEY", der)
}

// A server that wants certificates and a password gets them; whoever lacks one is told at once.
func TestTLSAndPasswords(t *testing.T) {
	ca, cert, key := papers(t)
	servers := journaltest.Start(t, 1, func(o *server.Options) {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		pem, err := os.ReadFile(ca)
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
		o.TLSTimeout = 5
		o.Username, o.Password = "parley", "secret"
	})
	host := servers.URL()[len("nats://"):]
	url := "nats://parley:secret@" + host
	j, err := journal.Open(within(t), journal.Options{Remote: &journal.Remote{URL: url, CA: ca, Cert: cert, Key: key}})
	if err != nil {
		t.Fatal(err)
	}
	defer journaltest.Close(t, j)
	store(t, j, say(ab, "a", "hello"))
	for name, c := range map[string]struct {
		remote journal.Remote
		word   string
	}{
		"wrong password":      {journal.Remote{URL: "nats://parley:wrong@" + host, CA: ca, Cert: cert, Key: key}, "Authorization"},
		"unknown authority":   {journal.Remote{URL: url, Cert: cert, Key: key}, "unknown authority"},
		"no certificate file": {journal.Remote{URL: url, CA: ca, Cert: cert + "x", Key: key}, cert + "x"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tryOpen(t, journal.Options{Remote: &c.remote})
			says(t, err, c.word)
			if strings.Contains(err.Error(), ":wrong") || strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}
