#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "app/access_passwords.hpp"
#include "app/identity.hpp"
#include "app/ports.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "domain/api_token.hpp"

namespace updraft {

/// Rules of signing in; keys of the configuration under [access].
struct AccessOptions {
    milliseconds token_idle_timeout{30 * 60 * 1000};  ///< when a sign-in asks for none of its own
    bool login_encryption = false;   ///< consoles encrypt passwords with our RSA key (spec 2.2)
    int failures_max = 10;           ///< failed sign-ins of one user name from one address ...
    int address_failures_max = 100;  ///< ... of one address, whatever the user name ...
    /// ... and of one user name from all addresses from which it has not signed in lately ...
    int account_failures_max = 200;
    milliseconds failures_window{5 * 60 * 1000};  ///< ... within this time
    std::size_t tokens_cached_max = 10'000;
    std::size_t failures_tracked_max = 10'000;
    std::size_t known_addresses_max = 10'000;  ///< pairs of user name and address that signed in
    milliseconds touch_interval{60'000};       ///< the last use of a token is stored this often
    milliseconds identity_max_age{5'000};      ///< until a change on another node is seen
};

/// What a person types to sign in.
struct SignIn {
    std::string username;
    std::string password;
    std::string encrypt_id;                  ///< names the key, when encryption is on
    std::optional<std::int64_t> expires_ms;  ///< idle time-out; 0: the usual one; -1: never
    std::string address;                     ///< where the request came from
};

struct SignedIn {
    std::string token;
    std::optional<milliseconds> idle_timeout;  ///< absent: never expires
    User user;
    std::vector<Role> roles;
    Identity identity;
};

/// Counts failed sign-ins per key within a window. Bounded: when full, the oldest window goes.
/// Not thread-safe.
class SignInFailures {
public:
    SignInFailures(milliseconds window, std::size_t keys_max)
        : window_(window), keys_max_(keys_max) {}
    /// Counts one attempt; the time still to wait when there were `failures_max` already.
    [[nodiscard]] std::optional<milliseconds> attempt(const std::string& key, int failures_max,
                                                      Instant now);
    /// The attempt has succeeded: the key starts afresh.
    void forget(const std::string& key) { windows_.erase(key); }
    /// The attempt was not a guess: it does not count.
    void take_back(const std::string& key);

private:
    struct Window {
        Instant since;
        int failures = 0;
    };
    void make_room(Instant now);

    const milliseconds window_;
    const std::size_t keys_max_;
    std::unordered_map<std::string, Window> windows_;
};

/// The pairs of user name and address that have signed in since the start, the oldest forgotten
/// when full. Not thread-safe.
class KnownAddresses {
public:
    explicit KnownAddresses(std::size_t pairs_max) : pairs_max_(pairs_max) {}
    void add(const std::string& pair);
    [[nodiscard]] bool contains(const std::string& pair) const { return known_.contains(pair); }

private:
    const std::size_t pairs_max_;
    std::unordered_set<std::string> known_;
    std::deque<std::string> by_age_;  ///< what is in known_, oldest first
};

/// How sign-ins and changes of the own password went, since the start.
struct SignInCounters {
    std::atomic<std::uint64_t> succeeded{0};
    std::atomic<std::uint64_t> wrong{0};     ///< unknown user or wrong password
    std::atomic<std::uint64_t> disabled{0};  ///< right password of a disabled user
    std::atomic<std::uint64_t> limited{0};   ///< refused unread: too many failures before
    std::atomic<std::uint64_t> busy{0};      ///< no turn to hash came in time
};

/// Sign-in, tokens and who may do what. Tokens are 32 hex digits, of which only the SHA-256 is
/// stored; every use extends them (spec 2.2). Machine tokens are known here too. Safe from every
/// thread; blocks on the store.
class AccessService {
public:
    AccessService(Store& store, const Clock& clock, SnowflakeIds& ids, AccessOptions options = {});

    /// Makes user `admin` on the first start. With a password: with that password. Without: returns
    /// the one-time set-up token, which set_up() takes; it lives until the process ends. Nothing
    /// when there is an admin already. Errors: invalid_argument (password too short).
    [[nodiscard]] Result<std::optional<std::string>> start(
        const std::optional<std::string>& admin_password);
    [[nodiscard]] bool is_set_up_token(const std::string& token) const;
    /// Makes user `admin` with the password and ends the token. Errors: access_denied (wrong or
    /// used token), invalid_argument (password).
    [[nodiscard]] Result<void> set_up(const std::string& token, const std::string& password,
                                      const Actor& by = Actor::server());

    /// Errors: login_failed, user_disabled, too_many_requests, unavailable.
    [[nodiscard]] Result<SignedIn> sign_in(const SignIn& request,
                                           const Actor& by = Actor::server());
    void sign_out(const std::string& token, const Actor& by = Actor::server());
    /// Who is behind a token, and extends it. Errors: unauthorized (no token), token_expired.
    [[nodiscard]] Result<Identity> identify(const std::string& token);
    /// The same without extending it: for what goes on without anybody asking.
    [[nodiscard]] Result<Identity> look(const std::string& token);
    [[nodiscard]] bool is_signed_in(const std::string& token) { return look(token).has_value(); }

    /// Changes one's own password; ends all other sign-ins of the user. Errors: login_failed (old
    /// password), too_many_requests, unavailable, invalid_argument (new one), access_denied (a
    /// machine). Guesses at the old one are limited as sign-ins from `address` are.
    [[nodiscard]] Result<void> change_password(const Actor& by, const std::string& token,
                                               const std::string& address,
                                               const std::string& old_password,
                                               const std::string& new_password);
    [[nodiscard]] const SignInCounters& sign_in_counters() const { return counters_; }

    /// The key of encrypted sign-ins; null when that is off.
    [[nodiscard]] const LoginEncryption* encryption() const { return encryption_.get(); }
    [[nodiscard]] PasswordHasher& passwords() { return passwords_; }
    /// Forgets what is cached of tokens: users, roles or tokens have changed.
    void forget_cached();

private:
    struct CachedToken {
        TokenRow row;  ///< of a machine token: made up
        std::optional<ApiToken> machine;
        Identity identity;
        Instant read_at;     ///< identity as of then
        Instant touched_at;  ///< last use as stored
    };

    [[nodiscard]] Result<User> checked_user(const SignIn& request);
    /// Who tries to show which password, for the limits.
    struct Attempt {
        std::string username;
        std::string address;
    };
    /// Errors: too_many_requests, the same whether the user exists or not.
    [[nodiscard]] Result<void> count_attempt(const Attempt& attempt);
    [[nodiscard]] Result<void> check_old_password(const std::string& typed,
                                                  const std::string& hash);
    void settle_attempt(const Attempt& attempt, std::optional<ErrorCode> failure);
    enum class Use : std::uint8_t { look, extend };
    [[nodiscard]] Result<Identity> identity_behind(const std::string& token, Use use);
    [[nodiscard]] Result<Identity> read_identity(const std::string& hash, Use use, Instant now);
    [[nodiscard]] std::optional<Identity> cached_identity(const std::string& hash, Use use,
                                                          Instant now);
    [[nodiscard]] static bool expired(const CachedToken& token, Instant now);
    void touch(const std::string& hash, Instant now);
    [[nodiscard]] std::uint64_t generation() const;
    void remember(const std::string& hash, CachedToken token, std::uint64_t as_of);
    [[nodiscard]] Result<void> add_admin(const std::string& password, const Actor& by);

    Store& store_;
    const Clock& clock_;
    SnowflakeIds& ids_;
    const AccessOptions options_;
    PasswordHasher passwords_;
    std::unique_ptr<LoginEncryption> encryption_;
    SignInCounters counters_;

    mutable std::mutex mutex_;  ///< guards what follows; never held during a read, write or hash
    std::string set_up_hash_;   ///< SHA-256 of the set-up token; empty: none
    SignInFailures failures_;
    KnownAddresses known_;
    std::unordered_map<std::string, CachedToken> cached_;
    std::uint64_t generation_ = 0;  ///< counts sign-outs and changes of rights
};

/// Refuses a machine: what only a person may do, signed in. Errors: access_denied.
[[nodiscard]] Result<void> only_a_person(const Identity& identity);

/// What is left of a user's identity for a machine token: what the scopes name and the user may.
[[nodiscard]] Identity narrowed(const Identity& user, const std::vector<Permission>& scopes);

/// What a user may do through their roles (spec 2.13).
[[nodiscard]] Identity identity_of(const User& user, const std::vector<Role>& roles);
/// The roles of a user that exist.
[[nodiscard]] std::vector<Role> roles_of(const Repositories& rows, const User& user);

}  // namespace updraft
