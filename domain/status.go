package domain

// Status is how somebody would like to be seen.
type Status string

// The statuses. Who has set none is StatusOnline.
const (
	StatusOnline    Status = "online"    // as online while connected
	StatusInvisible Status = "invisible" // as offline, also while connected
)

// ParseStatus takes one of the statuses, or refuses with code Malformed.
func ParseStatus(s string) (Status, error) {
	switch status := Status(s); status {
	case StatusOnline, StatusInvisible:
		return status, nil
	}
	return "", Refuse(Malformed, "status must be online or invisible")
}
