#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "transport/http/message.hpp"

namespace updraft::http::ddi {

/// Which peers are proxies of ours, whose word about the client behind them counts.
class TrustedProxies {
public:
    /// Addresses and networks ("10.0.0.7, 192.168.0.0/16, fd00::/8"), separated by commas. Throws
    /// std::runtime_error, naming one that is neither.
    explicit TrustedProxies(std::string_view list);
    ~TrustedProxies();

    /// `peer` is an address with its port.
    [[nodiscard]] bool include(std::string_view peer) const;

private:
    struct Networks;
    std::unique_ptr<Networks> networks_;
};

}  // namespace updraft::http::ddi
