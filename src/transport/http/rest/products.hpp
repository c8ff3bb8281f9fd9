#pragma once

#include "app/product_service.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// /device-product, also as /device/product (spec 2.7).
void product_routes(Api& api, const Store& store, ProductService& products);

}  // namespace updraft::rest
