#pragma once

#include <string>
#include <vector>

#include "app/file_service.hpp"
#include "app/firmware_service.hpp"
#include "app/record_service.hpp"
#include "app/task_service.hpp"
#include "tests/support/memory_artifacts.hpp"
#include "tests/support/rest_world.hpp"
#include "transport/http/rest/files.hpp"
#include "transport/http/rest/firmware.hpp"
#include "transport/http/rest/insights.hpp"
#include "transport/http/rest/overview.hpp"
#include "transport/http/rest/records.hpp"
#include "transport/http/rest/tasks.hpp"

namespace updraft::rest {

/// RestWorld with the routes of files, firmwares, tasks and records.
struct UpgradeRestWorld : RestWorld {
    MemoryArtifacts artifacts;
    FileService files{*store, artifacts, urls, clock, {}};
    FirmwareService firmwares{*store, urls, clock, ids};
    TaskService tasks{*store, changes, live, clock, ids, {}};
    RecordService records{*store, live, clock};
    OverviewService overview{*store, clock};

    UpgradeRestWorld() {
        file_routes(api, files);
        firmware_routes(api, *store, firmwares);
        task_routes(api, *store, tasks);
        record_routes(api, *store, records);
        overview_routes(api, overview);
        insight_routes(api, *store);
    }

    /// A body that comes in chunks of the given size, and is cut off after `cut_after` of them.
    struct ChunkedBody final : http::BodyReader {
        std::string text;
        std::size_t chunk = 7;
        std::size_t at = 0;
        std::size_t cut_after = SIZE_MAX;
        [[nodiscard]] std::string read() override {
            if (cut_after-- == 0) {
                throw http::BodyCut();
            }
            std::string bytes = text.substr(at, chunk);
            at += bytes.size();
            return bytes;
        }
        [[nodiscard]] std::optional<std::int64_t> length() const override { return std::nullopt; }
    };

    RestAnswer upload(http::Method method, const std::string& path, http::Fields query,
                      ChunkedBody body, const std::string& type) {
        http::Request request = request_of(method, path, std::move(query));
        request.headers.emplace_back("Content-Type", type);
        request.headers.emplace_back("X-Access-Token", admin_token());
        request.stream = &body;
        return RestAnswer(handle(request));
    }
    RestAnswer upload_file(const std::string& bytes, const std::string& name = "fw.bin") {
        ChunkedBody body;
        body.text = part("file", name, bytes) + "--B--\r\n";
        return upload(http::Method::post, "/file/upload", {}, body,
                      "multipart/form-data; boundary=B");
    }
    [[nodiscard]] static std::string part(const std::string& field, const std::string& name,
                                          const std::string& bytes) {
        return "--B\r\nContent-Disposition: form-data; name=\"" + field + "\"; filename=\"" + name +
               "\"\r\nContent-Type: application/octet-stream\r\n\r\n" + bytes + "\r\n";
    }
    http::Response download(const std::string& path, http::Fields query) {
        const http::Request request = request_of(http::Method::get, path, std::move(query));
        return handle(request);
    }

    /// Firmware 1.1 of product p1; its row.
    json::object add_firmware() {
        const RestAnswer created = post("/firmware", R"({"name":"gate 1.1","productId":"p1",
            "version":"1.1","versionOrder":2,"signMethod":"md5","url":"http://cdn/fw","size":14,
            "sign":"5d99b396caab4bfae4e25207b62b30e2","properties":[{"id":"slot","value":"B","keyid":1}],
            "description":""})");
        if (created.status != 200) {
            throw std::runtime_error(created.text);
        }
        return created.result().as_object();
    }

private:
    std::string admin_token() {
        if (token_of_admin_.empty()) {
            token_of_admin_ = sign_in();
        }
        return token_of_admin_;
    }
    static http::Request request_of(http::Method method, const std::string& path,
                                    http::Fields query) {
        http::Request request;
        request.method = method;
        request.target = path;
        request.path = path;
        request.query = std::move(query);
        return request;
    }
    http::Response handle(http::Request request) {
        const http::Router::Match match = router.find(request.method, request.path);
        if (match.route == nullptr) {
            throw std::runtime_error("no route for " + request.path);
        }
        request.parameters = match.parameters;
        return match.route->handler(request);
    }
    std::string token_of_admin_;
};

}  // namespace updraft::rest
