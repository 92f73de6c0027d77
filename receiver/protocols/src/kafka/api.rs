//! The requests that Kafka's protocol has: their names, versions, and where an answer says that
//! something failed. A table, by the protocol guide (<https://kafka.apache.org/protocol>).

use crate::messaging::Kind;

/// Produce.
pub(super) const PRODUCE: i16 = 0;
/// Fetch.
pub(super) const FETCH: i16 = 1;
/// Metadata.
pub(super) const METADATA: i16 = 3;
/// `OffsetCommit`.
pub(super) const OFFSET_COMMIT: i16 = 8;
/// `FindCoordinator`.
pub(super) const FIND_COORDINATOR: i16 = 10;
/// `ApiVersions`, the one whose answer has the old head in every version.
pub(super) const API_VERSIONS: i16 = 18;
/// `CreateTopics`.
pub(super) const CREATE_TOPICS: i16 = 19;
/// `DeleteTopics`.
pub(super) const DELETE_TOPICS: i16 = 20;
/// `TxnOffsetCommit`.
pub(super) const TXN_OFFSET_COMMIT: i16 = 28;
/// `ControlledShutdown`, the one whose first version has no client id.
pub(super) const CONTROLLED_SHUTDOWN: i16 = 7;

/// A version that no request has yet.
const NEVER: i16 = i16::MAX;

/// One kind of request.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) key: i16,
    /// What the operation is called.
    pub(super) name: &'static str,
    /// The newest version that is known.
    pub(super) newest: i16,
    /// The first version with compact encodings.
    pub(super) flexible: i16,
    pub(super) answer: Answer,
}

/// How an answer begins, as far as its error is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// With the error.
    Error,
    /// With the time of throttling, from this version on, then the error.
    Throttled(i16),
    /// With the time of throttling, from this version on, then an array of names, each with an
    /// error.
    Named(i16),
    /// Likewise, each name with an array of partitions, each with an error.
    Partitions(i16),
    /// In a way of its own, or its error is of no use.
    Other,
}

impl Api {
    /// Returns what it does to messages.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self.key {
            PRODUCE => Some(Kind::Send),
            FETCH | 78 => Some(Kind::Receive),
            OFFSET_COMMIT | TXN_OFFSET_COMMIT | 79 => Some(Kind::Settle),
            _ => None,
        }
    }

    pub(super) fn is_flexible(&self, version: i16) -> bool {
        version >= self.flexible
    }

    /// Returns whether the first field is the name of a group.
    pub(super) fn begins_with_group(&self, version: i16) -> bool {
        match self.key {
            8 | 11..=14 | 47 | 68 | 76 | 88 => true,
            9 => version < 8,
            _ => false,
        }
    }
}

/// Returns the kind of request with a key.
pub(super) fn find(key: i16) -> Option<&'static Api> {
    APIS.iter().find(|api| api.key == key)
}

const fn api(key: i16, name: &'static str, newest: i16, flexible: i16, answer: Answer) -> Api {
    Api {
        key,
        name,
        newest,
        flexible,
        answer,
    }
}

use Answer::{Error, Named, Other, Partitions, Throttled};

static APIS: &[Api] = &[
    api(0, "produce", 13, 9, Other),
    api(1, "fetch", 18, 12, Other),
    api(2, "list_offsets", 11, 6, Partitions(2)),
    api(3, "metadata", 13, 9, Other),
    api(4, "leader_and_isr", 7, 4, Error),
    api(5, "stop_replica", 4, 2, Error),
    api(6, "update_metadata", 8, 6, Error),
    api(7, "controlled_shutdown", 3, 3, Error),
    api(8, "offset_commit", 10, 8, Partitions(3)),
    api(9, "offset_fetch", 10, 6, Other),
    api(10, "find_coordinator", 6, 3, Other),
    api(11, "join_group", 9, 6, Throttled(2)),
    api(12, "heartbeat", 4, 4, Throttled(1)),
    api(13, "leave_group", 5, 4, Throttled(1)),
    api(14, "sync_group", 5, 4, Throttled(1)),
    api(15, "describe_groups", 6, 5, Other),
    api(16, "list_groups", 5, 3, Throttled(1)),
    api(17, "sasl_handshake", 1, NEVER, Error),
    api(18, "api_versions", 4, 3, Error),
    api(19, "create_topics", 7, 5, Other),
    api(20, "delete_topics", 6, 4, Other),
    api(21, "delete_records", 2, 2, Other),
    api(22, "init_producer_id", 6, 2, Throttled(0)),
    api(23, "offset_for_leader_epoch", 4, 4, Other),
    api(24, "add_partitions_to_txn", 5, 3, Other),
    api(25, "add_offsets_to_txn", 4, 3, Throttled(0)),
    api(26, "end_txn", 5, 3, Throttled(0)),
    api(27, "write_txn_markers", 2, 1, Other),
    api(28, "txn_offset_commit", 5, 3, Partitions(0)),
    api(29, "describe_acls", 3, 2, Throttled(0)),
    api(30, "create_acls", 3, 2, Other),
    api(31, "delete_acls", 3, 2, Other),
    api(32, "describe_configs", 4, 4, Other),
    api(33, "alter_configs", 2, 2, Other),
    api(34, "alter_replica_log_dirs", 2, 2, Partitions(0)),
    api(35, "describe_log_dirs", 5, 2, Other),
    api(36, "sasl_authenticate", 2, 2, Error),
    api(37, "create_partitions", 3, 2, Named(0)),
    api(38, "create_delegation_token", 3, 2, Error),
    api(39, "renew_delegation_token", 2, 2, Error),
    api(40, "expire_delegation_token", 2, 2, Error),
    api(41, "describe_delegation_token", 3, 2, Error),
    api(42, "delete_groups", 2, 2, Named(0)),
    api(43, "elect_leaders", 2, 2, Other),
    api(44, "incremental_alter_configs", 1, 1, Other),
    api(45, "alter_partition_reassignments", 1, 0, Throttled(0)),
    api(46, "list_partition_reassignments", 0, 0, Throttled(0)),
    api(47, "offset_delete", 0, NEVER, Error),
    api(48, "describe_client_quotas", 1, 1, Throttled(0)),
    api(49, "alter_client_quotas", 1, 1, Other),
    api(50, "describe_user_scram_credentials", 0, 0, Throttled(0)),
    api(51, "alter_user_scram_credentials", 0, 0, Other),
    api(52, "vote", 2, 0, Error),
    api(53, "begin_quorum_epoch", 1, 1, Error),
    api(54, "end_quorum_epoch", 1, 1, Error),
    api(55, "describe_quorum", 2, 0, Error),
    api(56, "alter_partition", 3, 0, Throttled(0)),
    api(57, "update_features", 2, 0, Throttled(0)),
    api(58, "envelope", 0, 0, Other),
    api(59, "fetch_snapshot", 1, 0, Throttled(0)),
    api(60, "describe_cluster", 2, 0, Throttled(0)),
    api(61, "describe_producers", 0, 0, Other),
    api(62, "broker_registration", 4, 0, Throttled(0)),
    api(63, "broker_heartbeat", 2, 0, Throttled(0)),
    api(64, "unregister_broker", 0, 0, Throttled(0)),
    api(65, "describe_transactions", 0, 0, Other),
    api(66, "list_transactions", 2, 0, Throttled(0)),
    api(67, "allocate_producer_ids", 0, 0, Throttled(0)),
    api(68, "consumer_group_heartbeat", 1, 0, Throttled(0)),
    api(69, "consumer_group_describe", 1, 0, Other),
    api(70, "controller_registration", 0, 0, Throttled(0)),
    api(71, "get_telemetry_subscriptions", 0, 0, Throttled(0)),
    api(72, "push_telemetry", 0, 0, Throttled(0)),
    api(73, "assign_replicas_to_dirs", 0, 0, Throttled(0)),
    api(74, "list_config_resources", 1, 0, Throttled(0)),
    api(75, "describe_topic_partitions", 0, 0, Other),
    api(76, "share_group_heartbeat", 1, 0, Throttled(0)),
    api(77, "share_group_describe", 1, 0, Other),
    api(78, "share_fetch", 2, 0, Throttled(0)),
    api(79, "share_acknowledge", 2, 0, Throttled(0)),
    api(80, "add_raft_voter", 1, 0, Throttled(0)),
    api(81, "remove_raft_voter", 0, 0, Throttled(0)),
    api(82, "update_raft_voter", 0, 0, Throttled(0)),
    api(88, "streams_group_heartbeat", 0, 0, Throttled(0)),
    api(89, "streams_group_describe", 0, 0, Other),
];
