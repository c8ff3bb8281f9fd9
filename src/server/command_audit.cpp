#include <boost/json.hpp>

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "app/audit_chain.hpp"
#include "base/bytes.hpp"
#include "base/log.hpp"
#include "server/backup_manifest.hpp"
#include "server/command_serve.hpp"
#include "server/commands.hpp"
#include "storage/sql/migrations.hpp"
#include "storage/sql/repositories.hpp"
#include "storage/sqlite/connection.hpp"

namespace updraft::server {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr int whole = 0;
constexpr int broken = 1;
constexpr int could_not_check = 2;
constexpr std::size_t hash_digits = 64;

struct VerifyFlags : OutputFlags {
    std::string head;
};

/// "SEQ:HASH" as `audit head` prints it.
Result<std::optional<AuditLink>> noted_head(const std::string& text_of_head) {
    if (text_of_head.empty()) {
        return std::optional<AuditLink>();
    }
    const std::size_t colon = text_of_head.find(':');
    AuditLink link;
    const char* const end = text_of_head.data() + std::min(colon, text_of_head.size());
    const auto [stop, failed] = std::from_chars(text_of_head.data(), end, link.seq);
    link.hash =
        colon == std::string::npos ? std::string() : to_lower(text_of_head.substr(colon + 1));
    if (failed != std::errc{} || stop != end || link.seq < 0 || !is_hex(link.hash, hash_digits)) {
        return Error::invalid("head", text("--head {} 应写作 序号:哈希",
                                           "--head {} must be SEQ:HASH, as `updraft audit head` "
                                           "prints it",
                                           text_of_head));
    }
    return std::optional(std::move(link));
}

/// Reads the log in one snapshot, beside a running server too. Throws StorageError.
AuditCheck checked_log(const std::string& data, const std::optional<AuditLink>& noted) {
    const fs::path path = fs::path(data) / BackupManifest::database_file;
    if (!fs::is_regular_file(path)) {
        throw StorageError(StorageError::Cause::broken,
                           fmt::format("{} 中没有数据库 / there is no database in {}", data, data));
    }
    sqlite::ConnectionOptions options;
    options.path = path.string();
    options.access = sqlite::Access::read_only;
    sqlite::SqliteConnection db(options);
    db.execute("BEGIN");
    AuditCheck check = check_chain(*sql::make_audit_log(db), noted);
    db.execute("COMMIT");
    return check;
}

void print_json(const AuditCheck& check) {
    json::object result{
        {"whole", !check.broken.has_value()},
        {"entries", check.entries},
        {"head", json::object{{"seq", check.head.last.seq}, {"hash", check.head.last.hash}}},
        {"anchor", json::object{{"seq", check.head.anchor.seq}, {"hash", check.head.anchor.hash}}}};
    if (check.broken) {
        result["seq"] = check.broken->seq;
        result["what"] = json::object{{"zh", check.broken->what.zh}, {"en", check.broken->what.en}};
    }
    std::printf("%s\n", json::serialize(result).c_str());
}

void print_text(const AuditCheck& check, Language language) {
    if (check.broken) {
        const Text line = text("第 {} 条: {}", "entry {}: {}", check.broken->seq, "");
        std::printf("%s%s\n", line.in(language).c_str(), check.broken->what.in(language).c_str());
        return;
    }
    const Text line = text("完整: {} 条记录", "whole: {} entries", check.entries);
    std::printf("%s\n%lld:%s\n", line.in(language).c_str(),
                static_cast<long long>(check.head.last.seq), check.head.last.hash.c_str());
}

int run_verify(ConfiguredCommand& command, const VerifyFlags& flags, Language language) {
    if (const auto loaded = command.load(); !loaded) {
        return complain(loaded.error());
    }
    const auto noted = noted_head(flags.head);
    if (!noted) {
        return complain(noted.error());
    }
    log::start(log::Level::error);
    AuditCheck check;
    try {
        check = checked_log(command.config().data, *noted);
    } catch (const StorageError& error) {
        std::fprintf(stderr, "updraft: %s\n", error.what());
        return could_not_check;
    }
    if (flags.as_json) {
        print_json(check);
    } else {
        print_text(check, language);
    }
    return check.broken ? broken : whole;
}

}  // namespace

void add_audit(CLI::App& program, int& status, Language language) {
    CLI::App* const command = program.get_subcommand("audit")->add_subcommand(
        "verify",
        Text{"核对数据目录中审计日志的哈希链; 服务器可照常运行",
             "Check the chain of the audit log in the data folder; a server may run on it"}
            .in(language));
    auto configured = std::make_shared<ConfiguredCommand>(*command);
    auto flags = std::make_shared<VerifyFlags>();
    command->add_option("--head", flags->head,
                        Text{"先前记下的 序号:哈希, 必须仍在链中",
                             "SEQ:HASH that was noted earlier: it must still be in the chain"}
                            .in(language));
    add_output_flags(*command, *flags, language);
    show_example(*command, "updraft audit verify --data /var/lib/updraft", language);
    command->callback([configured, flags, language, &status] {
        status = run_verify(*configured, *flags, language);
    });
}

}  // namespace updraft::server
