#include <gtest/gtest.h>

#include "transport/http/devices/proofs.hpp"

namespace updraft::device_http {
namespace {

http::Request with(std::string authorization) {
    http::Request request;
    request.headers.emplace_back("authorization", std::move(authorization));
    return request;
}

TEST(DeviceProofs, BearerInAnyCase) {
    EXPECT_EQ(bearer_token(with("Bearer abc")), "abc");
    EXPECT_EQ(bearer_token(with("bearer   abc ")), "abc");
    EXPECT_FALSE(bearer_token(with("Bearer")));
    EXPECT_FALSE(bearer_token(with("Bearer ")));
    EXPECT_FALSE(bearer_token(with("Basic YTpi")));
    EXPECT_FALSE(bearer_token({}));
}

TEST(DeviceProofs, BasicIsUserAndPassword) {
    for (const auto& [encoded, user, password] :
         {std::tuple{"YTpi", "a", "b"}, std::tuple{"YTo=", "a", ""}, std::tuple{"Og==", "", ""},
          std::tuple{"ZDE6dDprOg==", "d1", "t:k:"}}) {
        const auto found = basic_credentials(with(std::string("Basic ") + encoded));
        ASSERT_TRUE(found) << encoded;
        EXPECT_EQ(found->user, user);
        EXPECT_EQ(found->password, password);
    }
}

TEST(DeviceProofs, BrokenBasicIsNone) {
    for (const char* header : {"Basic", "Basic ", "Basic YTp", "Basic ????", "Basic ====",
                               "Basic YWI=", "Basic /////w==", "Basic YQA6Yg==", "Bearer YTpi"}) {
        EXPECT_FALSE(basic_credentials(with(header))) << header;
    }
}

}  // namespace
}  // namespace updraft::device_http
