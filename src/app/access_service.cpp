#include "app/access_service.hpp"

#include <algorithm>

#include "app/audit.hpp"
#include "app/menu.hpp"
#include "base/bytes.hpp"
#include "base/log.hpp"

namespace updraft {
namespace {

constexpr std::size_t token_bytes = 16;  // 32 hex digits

Error not_signed_in() {
    return Error::of(ErrorCode::unauthorized, text("用户未登录", "you are not signed in"));
}

Error sign_in_ended() {
    return Error::of(ErrorCode::token_expired,
                     text("登录已过期, 请重新登录", "your sign-in has expired, sign in again"));
}

Error wrong_password() {
    return Error::of(ErrorCode::login_failed,
                     text("用户名密码错误或用户已被禁用", "wrong user name or password"));
}

/// Looks for a sign-in, then for a machine token, whose row is made up; false if it is neither.
bool find_token(const Repositories& rows, const std::string& hash, TokenRow& row,
                std::optional<ApiToken>& machine) {
    if (const std::optional<TokenRow> signed_in = rows.tokens().find(hash)) {
        row = *signed_in;
        return true;
    }
    machine = rows.api_tokens().find_by_hash(hash);
    if (machine) {
        row = {hash, machine->user, std::nullopt, machine->last_used_at.value_or(Instant{})};
    }
    return machine.has_value();
}

// Three limits stand beside each other: of a user name from one address; of one address, so that
// nobody tries all names from one place; and of a user name from all addresses, so that nobody
// guesses from a thousand places. The last one passes over addresses from which that user has
// signed in: a stranger cannot lock `admin` out of the office. The keys are of one size, however
// long a name is.
std::string pair_key(const std::string& username, const std::string& address) {
    return "pair\n" + secret_sha256(username) + "\n" + address;
}
std::string address_key(const std::string& address) {
    return "address\n" + address;
}
std::string account_key(const std::string& username) {
    return "account\n" + secret_sha256(username);
}

/// A session has no members of its own that people may see: the entry names its user.
void note_session(UnitOfWork& work, const Actor& by, const Identity& whose) {
    Actor person = by;
    person.who = whose;
    person.via = by.via == AuditVia::system ? by.via : AuditVia::session;
    AuditEntry entry = AuditNote(person).entry();
    entry.object_id = whose.user.value;
    entry.object_name = whose.username;
    work.audit().append(std::move(entry));
    by.noted = true;
}

/// What a sign-in asks for: a time of its own, never (negative), or nothing in particular.
std::optional<milliseconds> idle_timeout_of(const SignIn& request, milliseconds usual) {
    constexpr std::int64_t longest = std::int64_t{3650} * 24 * 3600 * 1000;  // ten years
    const std::int64_t asked = request.expires_ms.value_or(0);
    if (asked < 0) {
        return std::nullopt;
    }
    return asked == 0 ? usual : milliseconds(std::min(asked, longest));
}

}  // namespace

std::optional<milliseconds> SignInFailures::attempt(const std::string& key, int failures_max,
                                                    Instant now) {
    auto found = windows_.find(key);
    if (found != windows_.end()) {
        found->second.since = std::min(found->second.since, now);  // the clock was set back
    }
    if (found != windows_.end() && now - found->second.since >= window_) {
        windows_.erase(found);
        found = windows_.end();
    }
    if (found == windows_.end()) {
        make_room(now);
        windows_[key] = {now, 1};
        return std::nullopt;
    }
    if (found->second.failures >= failures_max) {
        return window_ - (now - found->second.since);
    }
    ++found->second.failures;
    return std::nullopt;
}

void SignInFailures::take_back(const std::string& key) {
    const auto found = windows_.find(key);
    if (found != windows_.end() && --found->second.failures <= 0) {
        windows_.erase(found);
    }
}

void SignInFailures::make_room(Instant now) {
    if (windows_.size() < keys_max_) {
        return;
    }
    std::erase_if(windows_, [&](const auto& each) { return now - each.second.since >= window_; });
    if (windows_.size() >= keys_max_) {
        windows_.erase(std::ranges::min_element(
            windows_, {}, [](const auto& each) { return each.second.since; }));
    }
}

void KnownAddresses::add(const std::string& pair) {
    if (pairs_max_ == 0 || !known_.insert(pair).second) {
        return;
    }
    by_age_.push_back(pair);
    if (by_age_.size() > pairs_max_) {
        known_.erase(by_age_.front());
        by_age_.pop_front();
    }
}

Identity identity_of(const User& user, const std::vector<Role>& roles) {
    Identity identity{user.id, user.username, user.name, user.username == admin_username,
                      {},      false,         {}};
    for (const Role& role : roles) {
        for (auto& [resource, actions] : permissions_of(role.grants)) {
            identity.permissions[resource].insert(actions.begin(), actions.end());
        }
    }
    return identity;
}

Result<void> only_a_person(const Identity& identity) {
    if (!identity.machine) {
        return {};
    }
    return Error::of(ErrorCode::access_denied,
                     text("机器令牌不能执行此操作, 请使用用户名和密码登录",
                          "a machine token cannot do this, sign in with a password"));
}

Identity narrowed(const Identity& user, const std::vector<Permission>& scopes) {
    Identity machine{user.user, user.username, user.name, false, {}, true, {}};
    for (const Permission& scope : scopes) {
        for (const std::string& action : scope.actions) {
            if (user.may(scope.id, action)) {
                machine.permissions[scope.id].insert(action);
            }
        }
    }
    return machine;
}

std::vector<Role> roles_of(const Repositories& rows, const User& user) {
    std::vector<Role> roles;
    for (const RoleId& id : user.roles) {
        if (std::optional<Role> role = rows.roles().find(id)) {
            roles.push_back(*std::move(role));
        }
    }
    return roles;
}

AccessService::AccessService(Store& store, const Clock& clock, SnowflakeIds& ids,
                             AccessOptions options)
    : store_(store),
      clock_(clock),
      ids_(ids),
      options_(options),
      encryption_(options.login_encryption ? std::make_unique<LoginEncryption>() : nullptr),
      failures_(options.failures_window, options.failures_tracked_max),
      known_(options.known_addresses_max) {}

Result<std::optional<std::string>> AccessService::start(
    const std::optional<std::string>& admin_password) {
    const bool has_admin = store_.read([](const Repositories& rows) {
        return rows.users().find_by_username(std::string(admin_username)).has_value();
    });
    if (has_admin) {
        return std::optional<std::string>();
    }
    if (admin_password) {
        Actor server = Actor::server("user.create");
        server.at = clock_.now();
        UPDRAFT_CHECK(add_admin(*admin_password, server));
        return std::optional<std::string>();
    }
    std::string token = random_hex(token_bytes);
    const std::scoped_lock lock(mutex_);
    set_up_hash_ = secret_sha256(token);
    return std::optional<std::string>(std::move(token));
}

bool AccessService::is_set_up_token(const std::string& token) const {
    const std::string hash = secret_sha256(token);
    const std::scoped_lock lock(mutex_);
    return !set_up_hash_.empty() && equals_constant_time(hash, set_up_hash_);
}

Result<void> AccessService::set_up(const std::string& token, const std::string& password,
                                   const Actor& by) {
    if (!is_set_up_token(token)) {
        return Error::of(
            ErrorCode::access_denied,
            text("初始化链接无效或已被使用; 重启服务器可获得新的链接",
                 "the set-up link is wrong or was used; a restart of the server prints "
                 "a new one while there is no administrator"));
    }
    UPDRAFT_CHECK(add_admin(password, by));
    const std::scoped_lock lock(mutex_);
    set_up_hash_.clear();
    return {};
}

Result<void> AccessService::add_admin(const std::string& password, const Actor& by) {
    UPDRAFT_CHECK(checked_password(password));
    UPDRAFT_TRY(std::string hash, passwords_.hash(password));
    User admin;
    admin.id = UserId(ids_.next());
    admin.username = admin_username;
    admin.name = "超级管理员";
    admin.password_hash = std::move(hash);
    admin.created_at = clock_.now();
    return store_.write([&](UnitOfWork& work) -> Result<void> {
        if (work.users().find_by_username(admin.username)) {
            return Error::of(ErrorCode::conflict,
                             text("管理员已存在", "there is an administrator already"));
        }
        work.users().add(admin);
        AuditNote note(by);
        note.added(admin);
        note.write(work);
        return {};
    });
}

Result<void> AccessService::count_attempt(const Attempt& attempt) {
    const std::string pair = pair_key(attempt.username, attempt.address);
    std::optional<milliseconds> wait;
    {
        const std::scoped_lock lock(mutex_);
        const Instant now = clock_.now();
        wait = failures_.attempt(pair, options_.failures_max, now);
        if (!wait) {
            wait =
                failures_.attempt(address_key(attempt.address), options_.address_failures_max, now);
        }
        if (!wait && !known_.contains(pair)) {
            wait = failures_.attempt(account_key(attempt.username), options_.account_failures_max,
                                     now);
        }
    }
    if (!wait) {
        return {};
    }
    ++counters_.limited;
    log::warn("access", "sign-in attempts limited address={} wait_s={}", attempt.address,
              std::chrono::ceil<seconds>(*wait).count());
    return Error::of(
        ErrorCode::too_many_requests,
        text("登录失败次数过多, 请{}秒后再试", "too many failed sign-ins, try again in {} seconds",
             std::chrono::ceil<seconds>(*wait).count()));
}

/// A wrong password stays counted, everything else does not count; a right one clears the pair.
void AccessService::settle_attempt(const Attempt& attempt, std::optional<ErrorCode> failure) {
    if (!failure) {
        ++counters_.succeeded;
    } else if (*failure == ErrorCode::login_failed) {
        ++counters_.wrong;
        return;
    } else {
        ++(*failure == ErrorCode::user_disabled ? counters_.disabled : counters_.busy);
    }
    const std::string pair = pair_key(attempt.username, attempt.address);
    const std::scoped_lock lock(mutex_);
    failures_.take_back(address_key(attempt.address));
    if (!known_.contains(pair)) {
        failures_.take_back(account_key(attempt.username));
    }
    if (failure) {
        failures_.take_back(pair);
    } else {
        failures_.forget(pair);
        known_.add(pair);
    }
}

Result<User> AccessService::checked_user(const SignIn& request) {
    std::string password = request.password;
    if (encryption_) {
        UPDRAFT_TRY(password, encryption_->decrypt(request.encrypt_id, request.password));
    }
    std::optional<User> user = store_.read(
        [&](const Repositories& rows) { return rows.users().find_by_username(request.username); });
    if (password.size() > password_bytes_max) {
        return wrong_password();  // nobody has one
    }
    UPDRAFT_TRY(const bool right,
                passwords_.matches(password, user ? user->password_hash : std::string()));
    if (!right) {
        return wrong_password();
    }
    if (!user->enabled) {
        return Error::of(ErrorCode::user_disabled, text("用户已被禁用", "the user is disabled"));
    }
    return *std::move(user);
}

Result<SignedIn> AccessService::sign_in(const SignIn& request, const Actor& by) {
    const Attempt attempt{request.username, request.address};
    UPDRAFT_CHECK(count_attempt(attempt));
    Result<User> user = checked_user(request);
    settle_attempt(attempt, user ? std::nullopt : std::optional(user.error().code));
    if (!user) {
        return user.error();
    }
    SignedIn signed_in;
    signed_in.token = random_hex(token_bytes);
    signed_in.idle_timeout = idle_timeout_of(request, options_.token_idle_timeout);
    signed_in.user = *std::move(user);
    signed_in.roles =
        store_.read([&](const Repositories& rows) { return roles_of(rows, signed_in.user); });
    signed_in.identity = identity_of(signed_in.user, signed_in.roles);

    const Instant now = clock_.now();
    const TokenRow row{secret_sha256(signed_in.token), signed_in.user.id, signed_in.idle_timeout,
                       now};
    UPDRAFT_CHECK(store_.write([&](UnitOfWork& work) -> Result<void> {
        work.tokens().remove_expired(now);
        work.tokens().add(row);
        note_session(work, by, signed_in.identity);
        return {};
    }));
    remember(row.token_sha256, {row, std::nullopt, signed_in.identity, now, now}, generation());
    log::info("access", "signed in username={} address={}", request.username, request.address);
    return signed_in;
}

void AccessService::sign_out(const std::string& token, const Actor& by) {
    const std::string hash = secret_sha256(token);
    {
        const std::scoped_lock lock(mutex_);
        cached_.erase(hash);
    }
    (void)store_.write([&](UnitOfWork& work) -> Result<void> {
        work.tokens().remove(hash);
        note_session(work, by, by.who);
        return {};
    });
    const std::scoped_lock lock(mutex_);
    ++generation_;
    cached_.erase(hash);  // a request in between may have read it again
}

Result<Identity> AccessService::identify(const std::string& token) {
    return identity_behind(token, Use::extend);
}

Result<Identity> AccessService::look(const std::string& token) {
    return identity_behind(token, Use::look);
}

Result<Identity> AccessService::identity_behind(const std::string& token, Use use) {
    if (token.empty()) {
        return not_signed_in();
    }
    const Instant now = clock_.now();
    const std::string hash = secret_sha256(token);
    std::optional<Identity> known = cached_identity(hash, use, now);
    Result<Identity> identity =
        known ? Result<Identity>(*std::move(known)) : read_identity(hash, use, now);
    if (identity && use == Use::extend) {
        touch(hash, now);
    }
    return identity;
}

bool AccessService::expired(const CachedToken& token, Instant now) {
    if (token.machine) {
        return token.machine->expires_at && now >= *token.machine->expires_at;
    }
    return token.row.idle_timeout && now - token.row.last_used_at > *token.row.idle_timeout;
}

std::optional<Identity> AccessService::cached_identity(const std::string& hash, Use use,
                                                       Instant now) {
    const std::scoped_lock lock(mutex_);
    const auto found = cached_.find(hash);
    if (found == cached_.end()) {
        return std::nullopt;
    }
    CachedToken& cached = found->second;
    if (expired(cached, now) || now - cached.read_at > options_.identity_max_age ||
        now < cached.read_at) {  // the clock was set back
        return std::nullopt;     // the store knows better; what it says replaces this
    }
    if (use == Use::extend) {
        cached.row.last_used_at = std::max(cached.row.last_used_at, now);
    }
    return cached.identity;
}

Result<Identity> AccessService::read_identity(const std::string& hash, Use use, Instant now) {
    const std::uint64_t as_of = generation();
    CachedToken token;
    bool found = false;
    std::optional<User> user;
    std::vector<Role> roles;
    store_.read([&](const Repositories& rows) {
        found = find_token(rows, hash, token.row, token.machine);
        user = found ? rows.users().find(token.row.user) : std::nullopt;
        roles = user ? roles_of(rows, *user) : roles;
    });
    token.touched_at = token.row.last_used_at;
    if (found) {
        // The stored time lags behind: uses since then are in memory.
        const std::scoped_lock lock(mutex_);
        if (const auto known = cached_.find(hash); known != cached_.end()) {
            token.row.last_used_at =
                std::max(token.row.last_used_at, known->second.row.last_used_at);
        }
    }
    token.row.last_used_at = std::min(token.row.last_used_at, now);  // the clock was set back
    if (!found || !user || !user->enabled || expired(token, now)) {
        const std::scoped_lock lock(mutex_);
        cached_.erase(hash);
        return sign_in_ended();
    }
    if (use == Use::extend) {
        token.row.last_used_at = now;
    }
    token.identity = identity_of(*user, roles);
    if (token.machine) {
        token.identity = narrowed(token.identity, token.machine->scopes);
        token.identity.token_name = token.machine->name;
    }
    token.read_at = now;
    Identity identity = token.identity;
    remember(hash, std::move(token), as_of);
    return identity;
}

void AccessService::touch(const std::string& hash, Instant now) {
    bool machine = false;
    {
        const std::scoped_lock lock(mutex_);
        const auto found = cached_.find(hash);
        const bool is_known = found != cached_.end();
        if (!is_known || (now - found->second.touched_at < options_.touch_interval &&
                          now >= found->second.touched_at)) {  // else the clock was set back
            return;
        }
        found->second.touched_at = now;
        machine = found->second.machine.has_value();
    }
    try {
        store_.submit(
            [hash, now, machine](UnitOfWork& work) {
                if (machine) {
                    work.api_tokens().touch(hash, now);
                } else {
                    work.tokens().touch(hash, now);
                }
                return true;
            },
            [](std::exception_ptr) {});
    } catch (const StorageError& failed) {
        // The request itself goes on; the next use in a minute stores it again.
        log::warn("access", "last use of a token not stored reason=\"{}\"", failed.what());
    }
}

std::uint64_t AccessService::generation() const {
    const std::scoped_lock lock(mutex_);
    return generation_;
}

void AccessService::remember(const std::string& hash, CachedToken token, std::uint64_t as_of) {
    const std::scoped_lock lock(mutex_);
    if (as_of != generation_) {
        return;  // read before a sign-out or a change of rights: must not outlive it
    }
    if (cached_.size() >= options_.tokens_cached_max && !cached_.contains(hash)) {
        cached_.erase(std::ranges::min_element(
            cached_, {}, [](const auto& each) { return each.second.row.last_used_at; }));
    }
    cached_.insert_or_assign(hash, std::move(token));
}

void AccessService::forget_cached() {
    const std::scoped_lock lock(mutex_);
    ++generation_;
    for (auto& [hash, cached] : cached_) {
        cached.read_at = Instant{};  // read again at the next use; the time of the last use stays
    }
}

Result<void> AccessService::check_old_password(const std::string& typed, const std::string& hash) {
    UPDRAFT_TRY(const bool right, passwords_.matches(typed, hash));
    if (!right) {
        return Error::of(ErrorCode::login_failed, text("原密码错误", "the old password is wrong"));
    }
    return {};
}

Result<void> AccessService::change_password(const Actor& by, const std::string& token,
                                            const std::string& address,
                                            const std::string& old_password,
                                            const std::string& new_password) {
    UPDRAFT_CHECK(only_a_person(by.who));
    std::optional<User> user =
        store_.read([&](const Repositories& rows) { return rows.users().find(by.who.user); });
    if (!user) {
        return sign_in_ended();
    }
    const Attempt attempt{user->username, address};
    UPDRAFT_CHECK(count_attempt(attempt));
    const Result<void> shown = check_old_password(old_password, user->password_hash);
    settle_attempt(attempt, shown ? std::nullopt : std::optional(shown.error().code));
    UPDRAFT_CHECK(shown);
    UPDRAFT_CHECK(checked_password(new_password));
    UPDRAFT_TRY(const std::string hash, passwords_.hash(new_password));
    const std::string kept = secret_sha256(token);
    UPDRAFT_CHECK(store_.write([&](UnitOfWork& work) -> Result<void> {
        std::optional<User> current = work.users().find(by.who.user);
        if (!current) {
            return sign_in_ended();
        }
        const User before = *current;
        current->password_hash = hash;
        work.users().update(*current);
        AuditNote note(by);
        note.changed(before, *current);
        note.write(work);
        const std::optional<TokenRow> own = work.tokens().find(kept);
        work.tokens().remove_all_of(by.who.user);
        if (own) {
            work.tokens().add(*own);
        }
        return {};
    }));
    forget_cached();
    return {};
}

}  // namespace updraft
