#include "transport/http/rest/api_tokens.hpp"

#include "transport/http/rest/json_reader.hpp"

namespace updraft::rest {
namespace {

using http::Method;

const std::string base = "/api-token";

/// Everything but the token itself and its hash.
json::object api_token_json(const ApiTokenRow& row) {
    const ApiToken& token = row.token;
    json::array scopes;
    for (const Permission& scope : token.scopes) {
        scopes.push_back(
            json::object{{"id", scope.id},
                         {"actions", json::array(scope.actions.begin(), scope.actions.end())}});
    }
    json::object object{{"id", token.id.value},        {"name", token.name},
                        {"userId", token.user.value},  {"username", row.username},
                        {"scopes", std::move(scopes)}, {"createTime", to_millis(token.created_at)}};
    if (token.expires_at) {
        object["expireTime"] = to_millis(*token.expires_at);
    }
    if (token.last_used_at) {
        object["lastUsedTime"] = to_millis(*token.last_used_at);
    }
    return object;
}

json::value list_json(const std::vector<ApiTokenRow>& rows) {
    json::array list;
    for (const ApiTokenRow& row : rows) {
        list.push_back(api_token_json(row));
    }
    return list;
}

Result<NewApiToken> new_token(const json::object& body) {
    JsonReader read(body);
    NewApiToken request;
    request.name = read.text("name").value_or("");
    for (const json::object& item : read.objects("scopes").value_or(std::vector<json::object>{})) {
        JsonReader scope(item);
        request.scopes.push_back({scope.text("id").value_or(""),
                                  scope.texts("actions").value_or(std::vector<std::string>{})});
        UPDRAFT_CHECK(scope.finish());
    }
    if (const auto expires = read.integer("expiresInSeconds")) {
        request.expires_in = seconds(*expires);
    }
    UPDRAFT_CHECK(read.finish());
    return request;
}

Result<Answer> create(ApiTokenService& tokens, const Call& call) {
    UPDRAFT_TRY(const json::object body, call.object());
    UPDRAFT_TRY(const NewApiToken request, new_token(body));
    UPDRAFT_TRY(const CreatedApiToken created, tokens.create(request, call.by));
    json::object answer = api_token_json(created.row);
    answer["token"] = created.secret;
    return json::value(std::move(answer));
}

Result<Answer> list(ApiTokenService& tokens, const Call& call) {
    if (call.request.query_value("all") != "true") {
        return list_json(tokens.own(call.identity));
    }
    UPDRAFT_TRY(const std::vector<ApiTokenRow> rows, tokens.all(call.identity));
    return list_json(rows);
}

}  // namespace

void api_token_routes(Api& api, ApiTokenService& tokens) {
    api.act(Method::post, base, Access::signed_in(), {"token.create"},
            [&tokens](const Call& call) { return create(tokens, call); });
    api.route(Method::get, base, Access::signed_in(),
              [&tokens](const Call& call) { return list(tokens, call); });
    api.act(Method::del, base + "/{id}", Access::signed_in(), {"token.revoke"},
            [&tokens](const Call& call) -> Result<Answer> {
                UPDRAFT_TRY(const ApiTokenRow revoked,
                            tokens.revoke(ApiTokenId(call.parameter("id")), call.by));
                return json::value(api_token_json(revoked));
            });
}

}  // namespace updraft::rest
