#include "app/download_links.hpp"

#include <gtest/gtest.h>

#include "app/urls.hpp"
#include "tests/support/memory_store.hpp"

namespace updraft {
namespace {

using namespace std::chrono_literals;

constexpr Instant now{std::chrono::hours(500'000)};
const FileId file{"00112233445566778899aabbccddeeff"};

UpgradeRecord a_record() {
    UpgradeRecord record;
    record.id = RecordId{"77"};
    record.device = DeviceId{"d1"};
    return record;
}

std::string part(const std::string& url, const std::string& name) {
    const std::size_t begin = url.find_first_of("?&") == std::string::npos
                                  ? std::string::npos
                                  : url.find(name + "=", url.find('?')) + name.size() + 1;
    return url.substr(begin, url.find('&', begin) - begin);
}

DownloadLink link_in(const std::string& url) {
    return {part(url, "d"), part(url, "r"), part(url, "e"), part(url, "s")};
}

TEST(DownloadLinks, ReplaceTheQueryAndWithItTheAccessKey) {
    const DownloadLinks links(std::string(32, 'k'), {.lifetime = 60s});
    const std::string url =
        links.signed_url("http://h/api/file/x.bin?accessKey=secret", file, a_record(), now);
    EXPECT_TRUE(url.starts_with("http://h/api/file/x.bin?d=d1&r=77&e=1800000060&s=")) << url;
    EXPECT_EQ(url.find("secret"), std::string::npos);
    EXPECT_EQ(part(url, "s").size(), 32U);
}

// The order of refusals: nothing is read for a link that we did not sign, and an expired one says
// so.
TEST(DownloadLinks, AreRefusedUnlessSignedAliveAndOfAnUpgradeUnderWay) {
    const DownloadLinks links(std::string(32, 'k'), {.lifetime = 60s});
    const DownloadLink good = link_in(links.signed_url("u", file, a_record(), now));
    const auto store = open_memory_store();
    const auto refusal = [&](const DownloadLink& link, const FileId& id, Instant at) {
        return store->read([&](const Repositories& rows) {
            const auto checked = links.check(link, id, rows, at);
            return checked ? std::string() : checked.error().message.en;
        });
    };
    EXPECT_NE(refusal(good, file, now).find("ended"), std::string::npos) << "no such record";
    EXPECT_NE(refusal(good, file, now + 60s).find("expired"), std::string::npos);
    EXPECT_NE(refusal(good, FileId{"ff"}, now).find("altered"), std::string::npos);
    for (std::string DownloadLink::* member : {&DownloadLink::device, &DownloadLink::record,
                                               &DownloadLink::expires, &DownloadLink::signature}) {
        DownloadLink altered = good;
        (altered.*member) += "1";
        EXPECT_NE(refusal(altered, file, now).find("altered"), std::string::npos);
        (altered.*member).clear();
        EXPECT_NE(refusal(altered, file, now).find("altered"), std::string::npos);
    }
    const DownloadLinks others(std::string(32, 'x'), {});
    EXPECT_NE(
        refusal(link_in(others.signed_url("u", file, a_record(), now)), file, now).find("altered"),
        std::string::npos);
}

TEST(DownloadLinks, AreForProductsThatWantThem) {
    Product product;
    EXPECT_FALSE(DownloadLinks::wanted_by(product));
    product.configuration["expiringLinks"] = "false";
    EXPECT_FALSE(DownloadLinks::wanted_by(product));
    product.configuration["expiringLinks"] = "True";
    EXPECT_TRUE(DownloadLinks::wanted_by(product));
}

}  // namespace
}  // namespace updraft
