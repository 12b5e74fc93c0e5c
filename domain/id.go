package domain

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxID is the longest a user or group id may be, in bytes.
const MaxID = 96

// externalMark begins the ids that stand for a host application's own subjects; no id that is taken as it is begins with it.
const externalMark = "~"

// UserID names a person: 1 to MaxID characters of A-Z, a-z, 0-9, "_" and "-", or "~" and such characters for a subject of
// another application's (ExternalUserID). It is safe as one token of a NATS subject, in a URL path and in a file name.
type UserID string

// GroupID names a group; its form is that of UserID.
type GroupID string

// ParseUserID takes an id as it is or refuses it with code Malformed; it never mends one.
func ParseUserID(s string) (UserID, error) {
	if err := checkID("uid", s); err != nil {
		return "", err
	}
	return UserID(s), nil
}

// ParseGroupID takes an id as it is or refuses it with code Malformed; it never mends one.
func ParseGroupID(s string) (GroupID, error) {
	if err := checkID("gid", s); err != nil {
		return "", err
	}
	return GroupID(s), nil
}

func checkID(field, s string) error {
	if validID(s) {
		return nil
	}
	return Refuse(Malformed, "%s must be 1 to %d characters of A-Z, a-z, 0-9, _ and -", field, MaxID)
}

func validID(s string) bool {
	return len(s) <= MaxID && plainID(strings.TrimPrefix(s, externalMark))
}

func plainID(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return s != ""
}

// ExternalUserID is the id of the person whom a token's "sub" names. A subject that has the form of an id is that id; any other
// is encoded, reversibly, as "~" and its base64url. It refuses subjects that are empty or too long with code Malformed.
func ExternalUserID(sub string) (UserID, error) {
	id := sub
	if !plainID(sub) {
		id = externalMark + base64.RawURLEncoding.EncodeToString([]byte(sub))
	}
	if sub == "" || len(id) > MaxID {
		return "", Refuse(Malformed, "the token's sub must be 1 to %d bytes", (MaxID-len(externalMark))*3/4)
	}
	return UserID(id), nil
}

// Subject is the token "sub" that the id stands for: the reverse of ExternalUserID.
func (u UserID) Subject() string {
	if rest, ok := strings.CutPrefix(string(u), externalMark); ok {
		if b, err := base64.RawURLEncoding.DecodeString(rest); err == nil {
			return string(b)
		}
	}
	return string(u)
}

// Limits of what people call themselves and their groups, and of how they look.
const (
	MaxUsername    = 32   // characters
	MaxName        = 64   // characters
	MaxAvatar      = 1024 // bytes
	MaxDescription = 1024 // characters
)

// ParseUsername checks the name a person signs in with: 1 to MaxUsername letters and digits of any script, "_", "." and "-". Without
// combining marks, a letter and its accent have one spelling only; letters of different scripts that look alike, such as the Latin and the
// Cyrillic "a", still are different names. Case is kept and does not tell names apart. It refuses with code Malformed.
func ParseUsername(s string) (string, error) {
	n := 0
	for _, r := range s {
		n++
		if r == utf8.RuneError || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_.-", r) {
			n = 0
			break
		}
	}
	if n == 0 || n > MaxUsername {
		return "", Refuse(Malformed, "username must be 1 to %d letters, digits, _, . and -", MaxUsername)
	}
	return s, nil
}

// ParseName checks what is shown for a person or a group: 1 to MaxName characters with something to be seen among them, no control
// characters, and none that turn the direction of the text around the name (Unicode's UAX #9). It refuses with code Malformed, or TooLarge.
func ParseName(s string) (string, error) {
	switch {
	case utf8.RuneCountInString(s) > MaxName:
		return "", Refuse(TooLarge, "name must be at most %d characters", MaxName)
	case !seen(s) || strings.ContainsAny(s, turning) || !printable(s):
		return "", Refuse(Malformed, "name must be 1 to %d characters, not only blank ones, without control characters", MaxName)
	}
	return s, nil
}

// turning are the embeddings, overrides and isolates of bidirectional text. The marks for single characters harm nobody.
const turning = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

// blank are letters and symbols by Unicode's reckoning that show nothing: fillers of Hangul, and braille without dots.
const blank = "\u115f\u1160\u3164\uffa0\u2800"

// seen says whether something of a text is to be seen: a letter, a digit, a sign. Spaces, marks without what they belong to, and what only says
// how the rest is shown are not.
func seen(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !strings.ContainsRune(blank, r)
	})
}

// ParseAvatar checks where a person's picture is, or what stands for it: at most MaxAvatar bytes without control characters; "" is none.
// It refuses with code Malformed, or TooLarge.
func ParseAvatar(s string) (string, error) {
	switch {
	case len(s) > MaxAvatar:
		return "", Refuse(TooLarge, "avatar must be at most %d bytes", MaxAvatar)
	case !printable(s):
		return "", Refuse(Malformed, "avatar must be UTF-8 without control characters")
	}
	return s, nil
}

// ParseDescription checks what is said about a group: at most MaxDescription characters, of which the control characters are line ends and tabs;
// "" is nothing. A line end of CR and LF becomes LF. It refuses with code Malformed, or TooLarge.
func ParseDescription(s string) (string, error) {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	switch {
	case utf8.RuneCountInString(s) > MaxDescription:
		return "", Refuse(TooLarge, "description must be at most %d characters", MaxDescription)
	case !printable(strings.NewReplacer("\n", " ", "\t", " ").Replace(s)):
		return "", Refuse(Malformed, "description must be UTF-8 without control characters but line ends and tabs")
	}
	return s, nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
