#include "transport/http/rest/audit.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "app/csv.hpp"
#include "transport/http/rest/crud.hpp"
#include "transport/http/rest/json_reader.hpp"

namespace updraft::rest {
namespace {

constexpr std::size_t chunk_bytes = std::size_t{64} * 1024;

/// What was stored is JSON, unless somebody has been at it: then it is shown as it is.
json::value stored_json(const std::string& text) {
    if (text.empty()) {
        return nullptr;
    }
    boost::system::error_code failed;
    json::value value = json::parse(text, failed);
    return failed ? json::value(text) : value;
}

json::object link_json(const AuditLink& link) {
    return {{"seq", link.seq}, {"hash", link.hash}};
}

json::object audit_json(const AuditEntry& entry, Language language) {
    return {{"id", std::to_string(entry.seq)},
            {"seq", entry.seq},
            {"at", to_millis(entry.at)},
            {"userId", entry.user.value},
            {"username", entry.username},
            {"via", enum_json(entry.via, language)},
            {"tokenName", entry.token_name},
            {"address", entry.address},
            {"proxy", entry.proxy},
            {"userAgent", entry.user_agent},
            {"action", entry.action},
            {"objectType", entry.object_type},
            {"objectId", entry.object_id},
            {"objectName", entry.object_name},
            {"outcome", enum_json(entry.outcome, language)},
            {"errorCode", entry.error_code},
            {"before", stored_json(entry.before)},
            {"after", stored_json(entry.after)},
            {"hash", entry.hash}};
}

/// One line of a file: every field as it is hashed, before and after as text, so that a reader can
/// compute the hash again.
json::object line_json(const AuditEntry& entry) {
    return {{"seq", entry.seq},
            {"at", to_millis(entry.at)},
            {"userId", entry.user.value},
            {"username", entry.username},
            {"via", name_of(entry.via)},
            {"tokenName", entry.token_name},
            {"address", entry.address},
            {"proxy", entry.proxy},
            {"userAgent", entry.user_agent},
            {"action", entry.action},
            {"objectType", entry.object_type},
            {"objectId", entry.object_id},
            {"objectName", entry.object_name},
            {"outcome", name_of(entry.outcome)},
            {"errorCode", entry.error_code},
            {"before", entry.before},
            {"after", entry.after},
            {"hash", entry.hash}};
}

const std::vector<std::string>& csv_header() {
    static const std::vector<std::string> header{
        "seq",        "at",      "userId",    "username", "via",        "tokenName",
        "address",    "proxy",   "userAgent", "action",   "objectType", "objectId",
        "objectName", "outcome", "errorCode", "before",   "after",      "hash"};
    return header;
}

std::vector<std::string> csv_cells(const AuditEntry& e) {
    return {std::to_string(e.seq),
            csv::local_time(e.at),
            e.user.value,
            e.username,
            std::string(name_of(e.via)),
            e.token_name,
            e.address,
            e.proxy,
            e.user_agent,
            e.action,
            e.object_type,
            e.object_id,
            e.object_name,
            std::string(name_of(e.outcome)),
            e.error_code,
            e.before,
            e.after,
            e.hash};
}

/// Writes the entries of `query` in the order of the chain.
void write_entries(http::BodyWriter& out, const Store& store, const Query& query, bool as_csv) {
    std::string chunk;
    if (as_csv) {
        chunk = csv::byte_order_mark;
        csv::append_line(chunk, csv_header());
    }
    bool wanted = true;
    store.read([&](const Repositories& rows) {
        rows.audit().each(query, [&](const AuditEntry& entry) {
            if (as_csv) {
                csv::append_line(chunk, csv_cells(entry));
            } else {
                chunk += json::serialize(line_json(entry));
                chunk += '\n';
            }
            if (chunk.size() >= chunk_bytes) {
                wanted = out.write(chunk);
                chunk.clear();
            }
            return wanted;
        });
    });
    if (wanted && !chunk.empty()) {
        (void)out.write(chunk);
    }
}

Result<Answer> export_entries(const Store& store, std::int64_t rows_max, const Call& call,
                              Query query) {
    const std::string format = call.request.query_value("format").value_or("ndjson");
    if (format != "ndjson" && format != "csv") {
        return Error::invalid("format", text("可选值: {}", "one of: {}", "ndjson, csv"));
    }
    query.paging = false;
    Sort by_number;
    by_number.column = "seq";
    query.sorts = {by_number};
    const std::int64_t found =
        store.read([&](const Repositories& rows) { return rows.audit().count(query); });
    UPDRAFT_CHECK(within_row_limit(found, rows_max));
    const bool as_csv = format == "csv";
    http::Response response;
    response.headers = {
        {"Content-Type", as_csv ? "text/csv;charset=UTF-8" : "application/x-ndjson;charset=UTF-8"},
        {"Content-Disposition",
         as_csv ? "attachment; filename=\"audit.csv\"" : "attachment; filename=\"audit.jsonl\""},
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"}};
    response.body = [&store, query, as_csv](http::BodyWriter& out) {
        write_entries(out, store, query, as_csv);
    };
    return response;
}

}  // namespace

void audit_routes(Api& api, const Store& store) {
    const Access query = Access::permitted(permission::audit, permission::query);
    CrudResource resource;
    resource.bases = {"/audit"};
    resource.permission = permission::audit;
    resource.word = "audit";
    query_with(
        resource, api, store,
        [](const Repositories& rows) -> const Queries<AuditEntry>& { return rows.audit(); },
        audit_json);
    crud_routes(api, resource);
    api.route(http::Method::get, "/audit/head", query, [&store](const Call&) -> Result<Answer> {
        const AuditHead head =
            store.read([](const Repositories& rows) { return rows.audit().head(); });
        json::object answer = link_json(head.last);
        answer["anchor"] = link_json(head.anchor);
        return json::value(std::move(answer));
    });
    const std::int64_t rows_max = api.options().export_rows_max;
    api.query_act("/audit/_export", query, {"audit.export", Act::Entry::afterwards},
                  with_query([&store, rows_max](const Call& call, const Query& asked) {
                      return export_entries(store, rows_max, call, asked);
                  }));
}

}  // namespace updraft::rest
