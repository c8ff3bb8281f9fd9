#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/sql/connection.hpp"

/// Whether the rows of a database agree with each other: what the schema itself does not enforce.
namespace updraft::sql {

enum class Flaw : std::uint8_t {
    task_counter,                 ///< differs from the task's records
    task_failure,                 ///< a group of failures differs from the records in it
    record_texts,                 ///< packed ones (record_texts.hpp) differ from the task's records
    device_count,                 ///< differs from the devices
    device_sequence,              ///< would give a number to a device that is taken
    record_without_task,          ///< nobody will ever see or end it
    processing_without_deadline,  ///< nothing ends it if its device never answers
    upgrading_twice,              ///< a device with more than one processing record
    firmware_without_file,        ///< its devices would find nothing to download
};

/// One place where they do not.
struct Inconsistency {
    Flaw flaw;
    std::string where;     ///< "task 17", "device d-1" ...
    std::string found;     ///< as the database has it
    std::string expected;  ///< as it should be; empty where that cannot be known
};

/// All places, at most `limit` of a kind, on the connection's snapshot. Reads all records and
/// devices.
[[nodiscard]] std::vector<Inconsistency> find_inconsistencies(Connection& db, std::size_t limit);

/// Makes everything that is kept beside the rows anew from them, in the caller's transaction:
/// counts, and what searches go through.
void recount(Connection& db);

/// Removes records whose task is gone, in the caller's transaction; how many.
std::int64_t remove_records_without_task(Connection& db);

}  // namespace updraft::sql
