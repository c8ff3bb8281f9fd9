#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "client/digest.hpp"
#include "client/http_client.hpp"
#include "simulator/fleet.hpp"
#include "tests/unit/simulator/scripted_server.hpp"

namespace updraft::simulator {
namespace {

using namespace client;

using namespace std::chrono_literals;

/// A self-signed certificate for 127.0.0.1, as files that are gone afterwards.
class Certificate {
public:
    Certificate() {
        static int number = 0;
        const std::string stem =
            fmt::format("{}/tls-{}-{}", testing::TempDir(), ::getpid(), ++number);
        options_ = {stem + ".crt", stem + ".key"};
        const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"),
                                                                 EVP_PKEY_free);
        const std::unique_ptr<X509, void (*)(X509*)> made(X509_new(), X509_free);
        X509_set_version(made.get(), X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
        X509_gmtime_adj(X509_getm_notBefore(made.get()), -3'600);
        X509_gmtime_adj(X509_getm_notAfter(made.get()), 3'600);
        X509_set_pubkey(made.get(), key.get());
        X509_NAME* const name = X509_get_subject_name(made.get());
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>("updraft test"), -1, -1,
                                   0);
        X509_set_issuer_name(made.get(), name);
        X509_EXTENSION* const alternative =
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
        X509_add_ext(made.get(), alternative, -1);
        X509_EXTENSION_free(alternative);
        X509_sign(made.get(), key.get(), EVP_sha256());
        std::FILE* const certificate_file = std::fopen(options_.certificate_file.c_str(), "w");
        PEM_write_X509(certificate_file, made.get());
        std::fclose(certificate_file);
        std::FILE* const key_file = std::fopen(options_.key_file.c_str(), "w");
        PEM_write_PrivateKey(key_file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(key_file);
    }
    ~Certificate() {
        std::filesystem::remove(options_.certificate_file);
        std::filesystem::remove(options_.key_file);
    }
    Certificate(const Certificate&) = delete;
    Certificate& operator=(const Certificate&) = delete;

    [[nodiscard]] const std::string& file() const { return options_.certificate_file; }
    [[nodiscard]] std::shared_ptr<SSL_CTX> server() const {
        return net::make_tls_context(options_);
    }

private:
    net::TlsOptions options_;
};

FleetOptions a_tls_device(const ScriptedMqtt& mqtt, const std::string& ca_file) {
    FleetOptions options;
    options.mqtt = {"127.0.0.1", mqtt.port()};
    options.mqtt_tls = true;
    options.ca_file = ca_file;
    options.product_id = "p1";
    options.id_prefix = "d";
    options.latency_max = 0ms;
    options.install_time = 10ms;
    options.reboot_time = 10ms;
    options.reconnect_min = 5ms;
    options.reconnect_max = 10ms;
    options.threads = 1;
    return options;
}

// MQTT over TLS and an https URL: both check the certificate against the given authority.
TEST(FleetOverTls, UpgradesOverMqttsAndHttps) {
    const Certificate certificate;
    net::EventLoops loops(1);
    ScriptedMqtt mqtt(loops, certificate.server());
    const std::string firmware(200'000, 'f');
    const ScriptedFiles files(loops, {.content = firmware, .cuts = {70'000}}, certificate.server());
    Fleet fleet(a_tls_device(mqtt, certificate.file()));
    fleet.start();
    mqtt.expect("firmware/report", "1.0.0");

    mqtt.publish(
        "/p1/d1/firmware/upgrade",
        fmt::format(
            R"({{"messageId":"m","url":"{}","version":"2","sign":"{}","signMethod":"md5"}})",
            files.url(), digest_hex(DigestKind::md5, firmware)),
        0);

    mqtt.expect("firmware/report", R"("version":"2")");
    EXPECT_TRUE(files.url().starts_with("https://"));
    EXPECT_EQ(fleet.statistics().downloads_resumed, 1U);
}

// A device that talks to whoever answers would install whatever it is told.
TEST(FleetOverTls, DoesNotSignInAtAServerItCannotVerify) {
    const Certificate certificate;
    const Certificate other;
    net::EventLoops loops(1);
    ScriptedMqtt mqtt(loops, certificate.server());
    const ScriptedFiles files(loops, {.content = "abc"}, certificate.server());
    const std::string base = files.url().substr(0, files.url().find("/file"));
    HttpClient strict(base, {.ca_file = other.file()});
    HttpClient lax(base, {.verify = Verify::nothing});

    EXPECT_FALSE(strict.send({}));
    EXPECT_TRUE(lax.send({}));
}

}  // namespace
}  // namespace updraft::simulator
