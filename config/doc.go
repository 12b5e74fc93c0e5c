// Package config reads Parley's settings from their four sources and checks them all before anything starts.
//
// It opens no connection, reads no file that a setting names, and makes no secret: it hands typed values on.
// The one thing to know: default.yaml, embedded here, is both the manual of the settings and their defaults;
// a key that is not in it does not exist.
//
// Chosen: one table of rules (rules.go), a row for each key with what would be right, because a person who
// made three mistakes wants three sentences, each naming the key, its source and a remedy.
// Chosen: every source says text, and the type of the field in [Config] decides what the text means, because then
// `8080` means the same in the file, in a variable and after a flag.
// Chosen: keys in a file are lower case, exactly as in default.yaml; viper alone would fold HTTP and http into one,
// and which of two won would be chance. The file is therefore read with the YAML library first, which also knows
// the lines; viper gets what each source said, the later over the earlier, and makes the Config of it.
// Refused: viper's own reading of the environment and its search for files in several folders and formats: what
// is in force must follow from the arguments of [Load], and from one file that is easily named.
// Refused: settings that change while the process runs, because half of them could not follow.
package config
