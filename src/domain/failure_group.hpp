#pragma once

#include <string>
#include <string_view>

namespace updraft {

/// What failures with this reason have in common, so that they can be counted together: what only
/// tells one device or one attempt from the next becomes `#`. That is every run of digits, every
/// id in hex (UUID, MAC address, digest, 0x...), and every quoted word that has a digit in it.
/// White space becomes one space, the ends are trimmed, and at most 200 characters are kept. Never
/// empty: a failure without words is a plain "upgrade failed".
///
///     failure_group("checksum mismatch 12")               "checksum mismatch #"
///     failure_group("no route to 3c:6a:9d:01:f2:77")       "no route to #"
///     failure_group("cannot write 'rootfs'")               "cannot write 'rootfs'"
[[nodiscard]] std::string failure_group(std::string_view reason);

}  // namespace updraft
