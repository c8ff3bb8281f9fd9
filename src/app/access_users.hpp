#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/access_service.hpp"
#include "app/crud_rows.hpp"

namespace updraft {

class AuditNote;

/// What a request says about a user; absent members stay as they are.
struct UserForm {
    UserId id;  ///< empty: a new one
    std::optional<std::string> username;
    std::optional<std::string> password;
    std::optional<std::string> name;
    std::optional<std::string> email;
    std::optional<std::string> telephone;
    std::optional<std::string> avatar;
    std::optional<std::string> description;
    std::optional<bool> enabled;
    std::optional<std::vector<RoleId>> roles;
};

/// What a request says about a role; absent members stay as they are. Grants of pages and buttons
/// that this server does not have are kept and allow nothing: a console may know more pages.
struct RoleForm {
    RoleId id;
    std::optional<std::string> name;
    std::optional<std::string> description;
    std::optional<std::vector<MenuGrant>> grants;
};

/// Users and roles. Nobody can give rights that they lack themselves, and only `admin` changes
/// `admin`; a machine sets no passwords. Every list is one unit of work. Safe from every thread;
/// blocks on the store.
class UserService {
public:
    UserService(Store& store, AccessService& access, const Clock& clock, SnowflakeIds& ids)
        : store_(store), access_(access), clock_(clock), ids_(ids) {}

    /// Errors: invalid_argument, duplicate_key (user name), access_denied.
    [[nodiscard]] Result<std::vector<User>> add(const std::vector<UserForm>& forms,
                                                const Actor& by);
    [[nodiscard]] Result<SaveCounts> save(const std::vector<UserForm>& forms, const Actor& by);
    /// Errors: also not_found.
    [[nodiscard]] Result<void> replace(const UserForm& form, const Actor& by);
    /// Ends the user's sign-ins and machine tokens too. Errors: not_found, conflict (admin,
    /// oneself).
    [[nodiscard]] Result<User> remove(const UserId& id, const Actor& by);

    [[nodiscard]] Result<std::vector<Role>> add_roles(const std::vector<RoleForm>& forms,
                                                      const Actor& by);
    [[nodiscard]] Result<SaveCounts> save_roles(const std::vector<RoleForm>& forms,
                                                const Actor& by);
    [[nodiscard]] Result<void> replace_role(const RoleForm& form, const Actor& by);
    /// Errors: not_found, referenced (users hold it), access_denied.
    [[nodiscard]] Result<Role> remove_role(const RoleId& id, const Actor& by);

private:
    /// A form with its password hashed, outside of any transaction: that takes its time.
    struct HashedForm {
        UserForm form;
        std::optional<std::string> password_hash;
    };
    [[nodiscard]] Result<std::vector<HashedForm>> hashed(const std::vector<UserForm>& forms,
                                                         const Actor& by);
    [[nodiscard]] Result<User> add_one(UnitOfWork& work, const HashedForm& row, const Actor& by);
    [[nodiscard]] Result<void> update_one(UnitOfWork& work, User user, const HashedForm& row,
                                          const Actor& by, AuditNote& note);
    [[nodiscard]] Result<Role> add_role(UnitOfWork& work, const RoleForm& form, const Actor& by);

    Store& store_;
    AccessService& access_;
    const Clock& clock_;
    SnowflakeIds& ids_;
};

}  // namespace updraft
