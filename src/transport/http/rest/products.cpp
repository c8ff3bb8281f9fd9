#include "transport/http/rest/products.hpp"

#include <memory>

#include "transport/http/rest/crud.hpp"
#include "transport/http/rest/json_reader.hpp"
#include "transport/http/rest/protocols.hpp"

namespace updraft::rest {
namespace {

using http::Method;

json::object product_json(const Product& product, Language language) {
    json::object row{{"id", product.id.value},
                     {"name", product.name},
                     {"describe", product.description},
                     {"deviceType", enum_json(product.device_type, language)},
                     {"storePolicy", product.store_policy},
                     {"configuration", text_map_json(product.configuration)},
                     {"state", product.enabled ? 1 : 0},
                     {"metadata", product.metadata},
                     {"createTime", to_millis(product.created_at)}};
    put_text(row, "messageProtocol", product.protocol.value);
    put_text(row, "transportProtocol", product.transport_protocol);
    put_text(row, "accessId", product.access_id);
    put_text(row, "accessProvider", product.access_provider);
    put_text(row, "accessName", product.access_name);
    put_text(row, "creatorId", product.creator.value);
    return row;
}

json::object row_json(const ProductRow& row, Language language) {
    json::object json = product_json(row.product, language);
    json["deviceCount"] = row.device_count;
    return json;
}

json::object detail_json(const ProductRow& row, ProductCatalog& catalog, Language language) {
    json::object json = row_json(row, language);
    const ProductCatalog::Entry entry = catalog.describe(row.product);
    if (entry.package) {
        json["protocolName"] = entry.package->name;
    }
    json["features"] = features_json(entry.features, language);
    json["configMetadatas"] =
        config_metadata_list(entry.package, row.product.transport_protocol, language);
    return json;
}

/// Makes details whose packages are looked up once per answer.
auto detail_maker() {
    return [](const Repositories& rows, const Query&, Language language) {
        return [catalog = std::make_shared<ProductCatalog>(rows), language](const ProductRow& row) {
            return detail_json(row, *catalog, language);
        };
    };
}

const Queries<ProductRow>& products_in(const Repositories& rows) {
    return rows.products();
}

Result<Product> product_of(const Store& store, const std::string& id) {
    std::optional<Product> product =
        store.read([&](const Repositories& rows) { return rows.products().find(ProductId(id)); });
    if (!product) {
        return Error::not_found("产品", "product", id);
    }
    return *std::move(product);
}

template <class Tag>
std::optional<Id<Tag>> id_in(std::optional<std::string> text) {
    return text ? std::optional(Id<Tag>(*std::move(text))) : std::nullopt;
}

Result<ProductForm> product_form(const json::object& body) {
    JsonReader read(body);
    ProductForm form;
    form.id = ProductId(read.text("id").value_or(""));
    form.name = read.text("name");
    form.description = read.text(read.has("describe") ? "describe" : "description");
    form.device_type = read.choice(
        "deviceType", {DeviceType::device, DeviceType::children_device, DeviceType::gateway});
    form.protocol = id_in<ProtocolTag>(read.text("messageProtocol"));
    form.transport_protocol = read.text("transportProtocol");
    form.access_id = read.text("accessId");
    form.access_provider = read.text("accessProvider");
    form.access_name = read.text("accessName");
    form.store_policy = read.text("storePolicy");
    form.configuration = read.text_map("configuration");
    form.metadata = read.json_text("metadata");
    form.enabled = read.switch_state("state");
    UPDRAFT_CHECK(read.finish());
    return form;
}

CrudResource product_resource(const Api& api, const Store& store, ProductService& products) {
    CrudResource resource;
    resource.bases = {"/device-product", "/device/product"};
    resource.permission = permission::product;
    resource.word = "product";
    query_with(resource, api, store, products_in, row_json);
    resource.find = [&store](const Call& call, const std::string& id) -> Result<json::value> {
        UPDRAFT_TRY(const Product product, product_of(store, id));
        return json::value(product_json(product, call.language));
    };
    resource.insert = [&products](const Call& call, const auto& rows) -> Result<json::array> {
        UPDRAFT_TRY(const auto forms, forms_of(rows, product_form));
        UPDRAFT_TRY(const auto added, products.add(forms, call.by));
        json::array list;
        for (const Product& product : added) {
            list.push_back(product_json(product, call.language));
        }
        return list;
    };
    resource.save = [&products](const Call& call, const auto& rows) -> Result<SaveCounts> {
        UPDRAFT_TRY(const auto forms, forms_of(rows, product_form));
        return products.save(forms, call.by);
    };
    resource.replace = [&products](const Call& call, const std::string& id,
                                   const json::object& row) -> Result<void> {
        UPDRAFT_TRY(ProductForm form, product_form(row));
        form.id = ProductId(id);
        return products.replace(form, call.by);
    };
    resource.remove = [&products](const Call& call, const std::string& id) -> Result<json::value> {
        UPDRAFT_TRY(const Product product, products.remove(ProductId(id), call.by));
        return json::value(product_json(product, call.language));
    };
    return resource;
}

/// Whether an id may be chosen: well formed and free.
Result<Answer> validate_id(const Store& store, const Call& call) {
    const std::string id = call.request.query_value("id").value_or("");
    std::string reason;
    if (const Result<void> good = checked_id(id); !good) {
        reason = good.error().message.in(call.language);
    } else if (product_of(store, id)) {
        reason = text("产品ID已存在", "the product id is taken").in(call.language);
    }
    return json::value(json::object{{"passed", reason.empty()}, {"reason", reason}});
}

void more_routes(Api& api, const std::string& base, const Store& store, ProductService& products) {
    const Access query = Access::permitted(permission::product, permission::query);
    const Access save = Access::permitted(permission::product, permission::save);
    api.query_route(base + "/detail/_query", query,
                    with_query(made_page_of(store, products_in, detail_maker())));
    api.query_route(base + "/detail/_query/no-paging", query,
                    with_query(made_list_of(api, store, products_in, detail_maker())));
    for (const bool enable : {true, false}) {
        api.act(Method::post, base + (enable ? "/{id}/deploy" : "/{id}/undeploy"), save,
                {enable ? "product.enable" : "product.disable"},
                [&products, enable](const Call& call) -> Result<Answer> {
                    UPDRAFT_CHECK(
                        products.set_enabled(ProductId(call.parameter("id")), enable, call.by));
                    return json::value(1);
                });
    }
    api.route(Method::get, base + "/{id}/exists", query,
              [&store](const Call& call) -> Result<Answer> {
                  return json::value(product_of(store, call.parameter("id")).has_value());
              });
    api.route(Method::get, base + "/id/_validate", query,
              [&store](const Call& call) { return validate_id(store, call); });
    api.route(Method::get, base + "/{id}/config-metadata", query,
              [&store](const Call& call) -> Result<Answer> {
                  UPDRAFT_TRY(const Product product, product_of(store, call.parameter("id")));
                  const auto package = store.read([&](const Repositories& rows) {
                      return rows.protocols().find(product.protocol);
                  });
                  return json::value(
                      config_metadata_list(package, product.transport_protocol, call.language));
              });
}

}  // namespace

void product_routes(Api& api, const Store& store, ProductService& products) {
    const CrudResource resource = product_resource(api, store, products);
    crud_routes(api, resource);
    for (const std::string& base : resource.bases) {
        more_routes(api, base, store, products);
    }
}

}  // namespace updraft::rest
