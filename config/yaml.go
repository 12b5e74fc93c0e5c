package config

import (
	"bytes"
	"net/url"
	"strings"

	"go.yaml.in/yaml/v3"
)

// hidden stands for a secret.
const hidden = "hidden"

// YAML is what is in force, in the order of default.yaml and in the form of a file that [Load] reads, with "hidden" in
// the place of auth.secret and of the passwords in nats.url and mysql.dsn.
func (c Config) YAML() []byte {
	if c.Auth.Secret != "" {
		c.Auth.Secret = hidden
	}
	c.NATS.URL = hideServers(c.NATS.URL)
	c.MySQL.DSN = hideDSN(c.MySQL.DSN)
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(c); err != nil {
		panic(err) // neither the types of the fields nor a buffer can fail
	}
	return out.Bytes()
}

// hideServers hides the password in each of the URLs, and a user without a password, who is a token to NATS.
func hideServers(urls string) string {
	list := strings.Split(urls, ",")
	for i, s := range list {
		u, err := url.Parse(strings.TrimSpace(s))
		if err != nil {
			list[i] = hidden
			continue
		}
		if u.User == nil {
			continue
		}
		if _, ok := u.User.Password(); ok {
			u.User = url.UserPassword(u.User.Username(), hidden)
		} else {
			u.User = url.User(hidden)
		}
		list[i] = u.String()
	}
	return strings.Join(list, ",")
}

// hideDSN hides the password, or the whole where none can be made out.
func hideDSN(s string) string {
	at := dsn.FindStringSubmatchIndex(s)
	switch {
	case s == "":
		return ""
	case at == nil:
		return hidden
	case at[4] < 0:
		return s
	}
	return s[:at[4]] + ":" + hidden + s[at[5]:]
}
