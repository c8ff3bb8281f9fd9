#include "transport/http/ddi/proxies.hpp"

#include <gtest/gtest.h>

namespace updraft::http::ddi {
namespace {

TEST(TrustedProxies, NobodyIsTrustedByDefault) {
    const TrustedProxies none("");
    EXPECT_FALSE(none.include("127.0.0.1:4711"));
    EXPECT_FALSE(none.include("[::1]:4711"));
    EXPECT_FALSE(none.include(""));
}

TEST(TrustedProxies, AddressesAndNetworksOfBothFamilies) {
    const TrustedProxies some("10.0.0.7, 192.168.4.9/16,fd00::/8,::1");
    for (const char* peer :
         {"10.0.0.7:1", "192.168.255.1:65535", "[fd12::3]:8", "[::1]:8", "[::ffff:10.0.0.7]:9"}) {
        EXPECT_TRUE(some.include(peer)) << peer;
    }
    for (const char* peer : {"10.0.0.8:1", "192.169.0.1:1", "[fe80::1]:1", "[::2]:1",
                             "[::ffff:10.0.0.8]:9", "nonsense", "", ":", "[::1"}) {
        EXPECT_FALSE(some.include(peer)) << peer;
    }
}

TEST(TrustedProxies, WhatIsNoNetworkIsNamed) {
    for (const char* list : {"proxy.example", "10.0.0.0/33", "10.0.0.1,,x", "fd00::/129"}) {
        try {
            const TrustedProxies proxies(list);
            FAIL() << list;
        } catch (const std::runtime_error& error) {
            EXPECT_NE(std::string(error.what()).find("ddi.trusted_proxies"), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace updraft::http::ddi
