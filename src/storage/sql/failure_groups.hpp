#pragma once

#include "domain/upgrade_record.hpp"
#include "storage/sql/connection.hpp"

/// How many records of a task failed in which way (domain/failure_group.hpp), kept as they fail.
namespace updraft::sql {

/// The group that a record in this state is stored with; nothing unless it failed.
[[nodiscard]] std::optional<std::string> error_group_of(const UpgradeRecord& record);

/// One more record of the task is in the group.
void count_failure(Connection& db, const UpgradeRecord& failed, const std::string& group);

/// One record less is in the group; the last one takes the group along.
void uncount_failure(Connection& db, std::int64_t task, const std::string& group);

/// Gives the records that failed before there were groups theirs: part of migration 0002.
void fill_failure_groups(Connection& db);

}  // namespace updraft::sql
