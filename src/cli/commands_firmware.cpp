#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>

#include "base/bytes.hpp"
#include "cli/commands.hpp"
#include "cli/rows.hpp"
#include "cli/upload.hpp"

namespace updraft::cli {
namespace {

const std::vector<Column>& firmware_columns() {
    static const std::vector<Column> columns{
        {{"固件ID", "ID"}, "id"},
        {{"名称", "NAME"}, "name"},
        {{"产品", "PRODUCT"}, "productId"},
        {{"版本", "VERSION"}, "version"},
        {{"序号", "ORDER"}, "versionOrder"},
        {{"签名方式", "SIGNED"}, "signMethod"},
        {{"大小", "SIZE"}, "size", Column::Kind::bytes},
        {{"创建时间", "CREATED"}, "createTime", Column::Kind::time},
    };
    return columns;
}

std::vector<Column> firmware_details() {
    std::vector<Column> columns = firmware_columns();
    columns.push_back({{"签名", "SIGN"}, "sign"});
    columns.push_back({{"地址", "URL"}, "url"});
    columns.push_back({{"说明", "DESCRIPTION"}, "description"});
    return columns;
}

struct FirmwareListFlags {
    ListFlags list;
    std::string product;
};

struct UploadFlags {
    std::string file;
    std::string product;
    std::string version;
    std::int64_t order = 0;
    std::string name;
    std::string sign_method = "sha256";
    std::string sign;
    std::string describe;
    std::vector<std::string> properties;
    std::string part = "os";
    std::vector<std::string> artifacts;
    std::int64_t patience_s = UploadOptions{}.patience.count();
};

Result<json::array> firmware_properties(const std::vector<std::string>& given) {
    json::array properties;
    for (const std::string& each : given) {
        const std::size_t equals_sign = each.find('=');
        if (equals_sign == 0 || equals_sign == std::string::npos) {
            return Error::invalid("properties",
                                  text("\"{}\" 应为 键=值", "\"{}\" has to be KEY=VALUE", each));
        }
        properties.push_back(json::object{{"id", each.substr(0, equals_sign)},
                                          {"value", each.substr(equals_sign + 1)}});
    }
    return properties;
}

/// The signature that the firmware gets: that of the file, which a given one has to be.
Result<std::string> checked_sign(const UploadFlags& flags, const LocalFile& file) {
    const std::string& digest = flags.sign_method == "md5" ? file.md5 : file.sha256;
    if (!flags.sign.empty() && !equals_ignoring_case(flags.sign, digest)) {
        return Error::invalid(
            "sign", text("签名不一致, 未上传: {} 的 {} 是 {}, 而不是 {}",
                         "the signature is wrong, nothing was uploaded: the {1} of {0} is {2}, not "
                         "{3}",
                         file.path, flags.sign_method, digest, flags.sign));
    }
    return digest;
}

/// The version order: the given one, which has to be free, or the product's next.
Result<std::int64_t> checked_order(client::RestClient& api, const UploadFlags& flags) {
    const std::string path = "/firmware/" + url_encoded(flags.product);
    if (flags.order == 0) {
        UPDRAFT_TRY(const json::value next, api.get(path + "/version-order/next"));
        return next.is_object() ? integer_at(next, "versionOrder") : next.to_number<std::int64_t>();
    }
    UPDRAFT_TRY(const json::value taken, api.get(fmt::format("{}/{}/exists", path, flags.order)));
    if (taken.is_bool() && taken.get_bool()) {
        return Error::of(ErrorCode::duplicate_key,
                         text("产品 {} 的版本序号 {} 已存在, 未上传",
                              "product {} has a firmware of version order {} already; nothing was "
                              "uploaded",
                              flags.product, flags.order));
    }
    return flags.order;
}

/// A further artifact; what is not said of it is the server's business.
struct ArtifactFile {
    LocalFile file;
    json::object members;
};

/// "FILE[:PART[:NAME[:VERSION]]]"; a file's name may hold colons itself if it is given alone.
Result<ArtifactFile> further_artifact(const Terminal& terminal, const std::string& given) {
    std::vector<std::string> words(1);
    std::error_code ignored;
    const bool alone = std::filesystem::exists(given, ignored);
    for (const char letter : given) {
        if (letter == ':' && !alone && words.size() < 4) {
            words.emplace_back();
        } else {
            words.back() += letter;
        }
    }
    ArtifactFile artifact;
    UPDRAFT_TRY(artifact.file, measure(terminal, words.front()));
    constexpr const char* names[] = {"", "part", "name", "version"};
    for (std::size_t i = 1; i < words.size(); ++i) {
        if (!words[i].empty()) {
            artifact.members[names[i]] = words[i];
        }
    }
    return artifact;
}

Result<std::vector<ArtifactFile>> further_artifacts(const Terminal& terminal,
                                                    const std::vector<std::string>& given) {
    std::vector<ArtifactFile> artifacts;
    for (const std::string& each : given) {
        UPDRAFT_TRY(ArtifactFile artifact, further_artifact(terminal, each));
        artifacts.push_back(std::move(artifact));
    }
    return artifacts;
}

/// Everything that can be refused is looked at before the first byte is sent.
Result<ExitStatus> upload_firmware(Context& context, const UploadFlags& flags) {
    UPDRAFT_TRY(json::array properties, firmware_properties(flags.properties));
    UPDRAFT_TRY(const LocalFile file, measure(context.terminal(), flags.file));
    UPDRAFT_TRY(const std::string sign, checked_sign(flags, file));
    UPDRAFT_TRY(const auto further, further_artifacts(context.terminal(), flags.artifacts));
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value product,
                api->get("/device-product/" + url_encoded(flags.product)));
    UPDRAFT_TRY(const std::int64_t order, checked_order(*api, flags));
    const UploadOptions options{std::chrono::seconds(flags.patience_s)};
    UPDRAFT_TRY(const json::value stored, upload(context.terminal(), *api, file, options));
    json::array more;
    for (const ArtifactFile& artifact : further) {
        UPDRAFT_TRY(const json::value uploaded,
                    upload(context.terminal(), *api, artifact.file, options));
        json::object row = artifact.members;
        row["fileId"] = text_at(uploaded, "id");
        more.push_back(std::move(row));
    }
    const std::string product_name = text_at(product, "name");
    json::object row{{"name", flags.name.empty() ? fmt::format("{} {}", product_name, flags.version)
                                                 : flags.name},
                     {"productId", flags.product},
                     {"productName", product_name},
                     {"version", flags.version},
                     {"versionOrder", order},
                     {"signMethod", flags.sign_method},
                     {"sign", sign},
                     {"url", text_at(stored, "accessUrl")},
                     {"size", file.size_bytes},
                     {"part", flags.part},
                     {"moreArtifacts", std::move(more)},
                     {"properties", std::move(properties)},
                     {"description", flags.describe}};
    UPDRAFT_TRY(const json::value created, api->post("/firmware", std::move(row)));
    context.terminal().row(created, firmware_details());
    return ExitStatus::done;
}

Result<ExitStatus> show_firmware(Context& context, const std::string& id) {
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value row, api->get("/firmware/" + url_encoded(id)));
    context.terminal().row(row, firmware_details());
    return ExitStatus::done;
}

Result<ExitStatus> delete_firmwares(Context& context, const std::vector<std::string>& ids) {
    return for_each_id(context, ids, {"已删除", "deleted"},
                       [](client::RestClient& api, const std::string& id) -> Result<void> {
                           UPDRAFT_CHECK(api.call("DELETE", "/firmware/" + url_encoded(id)));
                           return {};
                       });
}

void add_list(const Commands& commands, CLI::App& group) {
    auto flags = std::make_shared<FirmwareListFlags>();
    CLI::App& leaf = commands.leaf(
        group, "list", {"列出固件", "List firmwares"},
        "updraft firmware list --product w801 --sort -versionOrder", [flags](Context& context) {
            json::array of_product;
            if (!flags->product.empty()) {
                of_product.push_back(equals("productId", flags->product));
            }
            return list_rows(context, "/firmware/_query", flags->list, firmware_fields,
                             std::move(of_product), firmware_columns());
        });
    commands.option(leaf, "--product", flags->product, {"所属产品", "Of this product"});
    add_list_flags(commands, leaf, flags->list);
}

void add_upload(const Commands& commands, CLI::App& group) {
    auto flags = std::make_shared<UploadFlags>();
    CLI::App& leaf = commands.leaf(
        group, "upload",
        {"上传固件; 中断后再次运行会继续", "Upload a firmware; after a break the next run goes on"},
        "updraft firmware upload gate-1.1.bin --product w801 --version 1.1",
        [flags](Context& context) { return upload_firmware(context, *flags); });
    commands.option(leaf, "file", flags->file, {"固件文件", "The firmware's file"})->required();
    commands.option(leaf, "--product", flags->product, {"所属产品", "Its product"})->required();
    commands.option(leaf, "--version", flags->version, {"版本号", "Its version"})->required();
    commands
        .option(leaf, "--order", flags->order,
                {"版本序号; 默认为下一个", "Its version order; by default the next one"})
        ->check(CLI::Range(1, 99999));
    commands.option(leaf, "--name", flags->name,
                    {"名称; 默认为产品名和版本号", "Its name; by default product and version"});
    commands
        .option(leaf, "--sign-method", flags->sign_method,
                {"签名方式: sha256 或 md5", "How it is signed: sha256 or md5"})
        ->check(CLI::IsMember({"md5", "sha256"}))
        ->capture_default_str();
    commands.option(leaf, "--sign", flags->sign,
                    {"预期的签名; 与文件不符则拒绝上传",
                     "The signature it should have; another file is refused"});
    commands.option(leaf, "--describe", flags->describe, {"说明", "What is new"});
    commands
        .option(leaf, "--part", flags->part,
                {"软件模块类型 (hawkBit)", "Type of the software module (hawkBit)"})
        ->capture_default_str();
    commands.repeated(leaf, "--artifact", flags->artifacts,
                      {"附加文件 文件[:模块类型[:名称[:版本]]], 可重复, 依次安装",
                       "Further file FILE[:PART[:NAME[:VERSION]]], repeatable, in the order of "
                       "installation"});
    commands.repeated(leaf, "--property", flags->properties,
                      {"属性 键=值, 可重复", "Property KEY=VALUE, repeatable"});
    commands
        .option(
            leaf, "--retry-for", flags->patience_s,
            {"连接中断后重试多少秒", "Try again for so many seconds when the connection is lost"})
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
}

}  // namespace

void add_firmware_commands(const Commands& commands) {
    CLI::App& group = commands.group("firmware", {"固件", "Firmwares"});
    add_list(commands, group);
    auto id = std::make_shared<std::string>();
    CLI::App& show = commands.leaf(group, "show", {"查看固件", "Show a firmware"},
                                   "updraft firmware show 1864200000000000001",
                                   [id](Context& context) { return show_firmware(context, *id); });
    commands.option(show, "id", *id, {"固件ID", "The firmware's id"})->required();
    add_upload(commands, group);
    auto ids = std::make_shared<std::vector<std::string>>();
    CLI::App& remove =
        commands.leaf(group, "delete", {"删除固件", "Delete firmwares"},
                      "updraft firmware delete 1864200000000000001",
                      [ids](Context& context) { return delete_firmwares(context, *ids); });
    commands.option(remove, "id", *ids, {"固件ID, 可多个", "Ids of firmwares"})->required();
}

}  // namespace updraft::cli
