-- The read models. All of it is folded from the log and may be thrown away at any time.
--
-- Ids and topics are ASCII and compared by their bytes. Times are milliseconds since 1970, so that no time zone has a say. msg and
-- data are JSON as the client wrote it: the type JSON would write it anew. There is no number that the database makes by itself:
-- folding again must give the same rows.
--
-- checkpoints comes last: where it is, the others are too.

CREATE TABLE people (
  uid          VARCHAR(96)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  username     VARCHAR(32)    NOT NULL,
  name         VARCHAR(64)    NOT NULL,
  avatar       VARCHAR(1024)  NOT NULL,
  username_key VARBINARY(128) NOT NULL, -- username and name without their case, for searching
  name_key     VARBINARY(256) NOT NULL,
  erased       TINYINT        NOT NULL, -- 1 where they are gone for good, 2 where nothing of theirs is left in the log
  PRIMARY KEY (uid),
  KEY by_username (username_key, uid),
  KEY by_name (name_key, uid),
  KEY by_erased (erased, uid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE seen (
  uid  VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  date BIGINT      NOT NULL, -- when they were seen online last
  PRIMARY KEY (uid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE conversations (
  topic       VARCHAR(200)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  last_seq    BIGINT UNSIGNED NOT NULL DEFAULT 0, -- of the last message; 0 for none
  end_seq     BIGINT UNSIGNED NOT NULL DEFAULT 0, -- of the last that ever was, which may have been erased
  last_number BIGINT UNSIGNED NOT NULL DEFAULT 0, -- that one's number: how many messages there ever were
  last_date   BIGINT          NOT NULL DEFAULT 0,
  is_group    TINYINT         NOT NULL DEFAULT 0, -- and these are a group's own
  name        VARCHAR(64)     NOT NULL DEFAULT '',
  avatar      VARCHAR(1024)   NOT NULL DEFAULT '',
  description VARCHAR(1024)   NOT NULL DEFAULT '',
  history     VARCHAR(16)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '', -- how far back members may read: all, joined
  owner       VARCHAR(96)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  size        INT             NOT NULL DEFAULT 0,
  PRIMARY KEY (topic)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE members (
  uid        VARCHAR(96)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  topic      VARCHAR(200)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  present    TINYINT         NOT NULL, -- a member of the group, or a friend
  role       VARCHAR(16)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  answers    TINYINT         NOT NULL, -- is to answer those who apply to join the group
  since      BIGINT          NOT NULL, -- when they joined the group or became friends
  joined_seq BIGINT UNSIGNED NOT NULL, -- where they joined it, this time or the last
  left_seq   BIGINT UNSIGNED NOT NULL, -- where they left it, and may read up to
  hidden_seq BIGINT UNSIGNED NOT NULL, -- up to which it was hidden from them when they left it
  PRIMARY KEY (uid, topic),
  KEY by_topic (topic, present, uid),
  KEY by_uid (uid, present, topic) -- for counting
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE blocks (
  uid    VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  other  VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  blocks TINYINT     NOT NULL, -- whether uid blocks the other; 0 where the block was taken back
  PRIMARY KEY (uid, other)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE marks (
  uid         VARCHAR(96)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  topic       VARCHAR(200)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  own_seq     BIGINT UNSIGNED NOT NULL DEFAULT 0, -- read by sending or joining
  own_number  BIGINT UNSIGNED NOT NULL DEFAULT 0,
  read_seq    BIGINT UNSIGNED NOT NULL DEFAULT 0, -- read as the reader says
  read_number BIGINT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (uid, topic),
  KEY by_topic (topic, uid) -- for erasing
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE messages (
  topic      VARCHAR(200)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seq        BIGINT UNSIGNED NOT NULL,
  number     BIGINT UNSIGNED NOT NULL, -- 1, 2, 3 in each conversation, with gaps where messages were erased
  sender     VARCHAR(96)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id         VARCHAR(64)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- the client's own
  date       BIGINT          NOT NULL,
  msg        MEDIUMTEXT      NOT NULL, -- '' where it was taken back
  edited     BIGINT          NOT NULL DEFAULT 0, -- when it was edited last; 0 for never
  edited_seq BIGINT UNSIGNED NOT NULL DEFAULT 0, -- by the event at which place
  recalled   BIGINT          NOT NULL DEFAULT 0, -- when it was taken back
  recaller   VARCHAR(96)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '', -- by whom
  PRIMARY KEY (topic, seq),
  UNIQUE KEY once (topic, sender, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE edits (
  topic VARCHAR(200)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seq   BIGINT UNSIGNED NOT NULL, -- of the message
  at    BIGINT UNSIGNED NOT NULL, -- from where on it said so; 0 for what it said at first
  date  BIGINT          NOT NULL,
  msg   MEDIUMTEXT      NOT NULL,
  PRIMARY KEY (topic, seq, at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE recalls (
  topic VARCHAR(200)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seq   BIGINT UNSIGNED NOT NULL, -- of a message that was taken back, and is not unread
  PRIMARY KEY (topic, seq)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE gaps (
  topic VARCHAR(200)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seq   BIGINT UNSIGNED NOT NULL, -- of a message that was erased; its number is nobody's
  n     BIGINT UNSIGNED NOT NULL, -- how many of them there are in the conversation up to here
  PRIMARY KEY (topic, seq)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE reactions (
  topic VARCHAR(200)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seq   BIGINT UNSIGNED NOT NULL, -- of the message
  emoji VARBINARY(64)   NOT NULL,
  uid   VARCHAR(96)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at    BIGINT UNSIGNED NOT NULL, -- from where on
  PRIMARY KEY (topic, seq, emoji, uid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE applies (
  topic   VARCHAR(200)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  uid     VARCHAR(96)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- who is to answer, or,
  type    VARCHAR(8)      CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- where this is 'group', who applies: its owner and admins are to answer
  sender  VARCHAR(96)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  data    TEXT            NOT NULL, -- '' for none
  date    BIGINT          NOT NULL,
  seq     BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (topic, uid),
  KEY to_me (uid, type, date, seq, topic, sender),
  KEY to_group (topic, type, date, seq, uid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE checkpoints (
  shard INT             NOT NULL,
  epoch VARCHAR(190)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seq   BIGINT UNSIGNED NOT NULL, -- up to which everything is folded
  time  BIGINT          NOT NULL, -- when the log stored the event at seq, in ns since 1970
  generation VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '{generation}', -- always '': it is the default that names the tables, and
                                                                                              -- fences off whoever works at others; the rows are the log's alone
  PRIMARY KEY (shard)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
