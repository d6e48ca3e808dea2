package manifold.interop;

import static org.openehealth.ipf.platform.camel.ihe.xds.XdsCamelValidators.*;

import java.util.Map;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;
import org.openehealth.ipf.commons.ihe.xds.core.requests.ProvideAndRegisterDocumentSet;
import org.openehealth.ipf.commons.ihe.xds.core.requests.QueryRegistry;
import org.openehealth.ipf.commons.ihe.xds.core.requests.RegisterDocumentSet;
import org.openehealth.ipf.commons.ihe.xds.core.requests.RemoveMetadata;
import org.openehealth.ipf.commons.ihe.xds.core.requests.RetrieveDocumentSet;
import org.openehealth.ipf.commons.ihe.xds.core.requests.RetrieveImagingDocumentSet;
import org.openehealth.ipf.commons.ihe.xds.core.responses.QueryResponse;
import org.openehealth.ipf.commons.ihe.xds.core.responses.Response;
import org.openehealth.ipf.commons.ihe.xds.core.responses.RetrievedDocumentSet;
import org.openehealth.ipf.commons.ihe.xds.core.stub.ebrs30.lcm.RemoveObjectsRequest;
import org.openehealth.ipf.commons.ihe.xds.core.stub.ebrs30.lcm.SubmitObjectsRequest;
import org.openehealth.ipf.commons.ihe.xds.core.stub.ebrs30.query.AdhocQueryRequest;
import org.openehealth.ipf.commons.ihe.xds.core.ebxml.ebxml30.ProvideAndRegisterDocumentSetRequestType;
import org.openehealth.ipf.commons.ihe.xds.core.ebxml.ebxml30.RetrieveDocumentSetRequestType;
import org.openehealth.ipf.commons.ihe.xds.core.stub.xdsi.RetrieveImagingDocumentSetRequestType;

/**
 * The client side of IPF: its Camel producers write the request and read the answer, its JAXB stubs hold the answer to the
 * schemas, and its response validators look at what it means.
 */
final class Ipf implements AutoCloseable {
    private final DefaultCamelContext camel = new DefaultCamelContext();
    private final ProducerTemplate producer;
    private final Addresses addresses;

    /** Where the node answers. {@code imaging} is null when it has no images to give. */
    record Addresses(String registry, String repository, String imaging) {}

    Ipf(Addresses addresses) {
        this.addresses = addresses;
        camel.disableJMX();
        camel.getRegistry().bind("strict", Map.of("schema-validation-enabled", "RESPONSE"));
        camel.start();
        producer = camel.createProducerTemplate();
    }

    QueryResponse iti18(QueryRegistry request) throws Exception {
        return ask("xds-iti18", addresses.registry(), request, AdhocQueryRequest.class, iti18RequestValidator(),
                iti18ResponseValidator(), QueryResponse.class);
    }

    /** A query that IPF itself finds wrong, to see how the node says so. */
    QueryResponse iti18Unchecked(QueryRegistry request) throws Exception {
        return ask("xds-iti18", addresses.registry(), request, AdhocQueryRequest.class, null, iti18ResponseValidator(),
                QueryResponse.class);
    }

    Response iti41(ProvideAndRegisterDocumentSet request) throws Exception {
        return ask("xds-iti41", addresses.repository(), request, ProvideAndRegisterDocumentSetRequestType.class,
                iti41RequestValidator(), iti41ResponseValidator(), Response.class);
    }

    Response iti42(RegisterDocumentSet request) throws Exception {
        return ask("xds-iti42", addresses.registry(), request, SubmitObjectsRequest.class, iti42RequestValidator(),
                iti42ResponseValidator(), Response.class);
    }

    RetrievedDocumentSet iti43(RetrieveDocumentSet request) throws Exception {
        return ask("xds-iti43", addresses.repository(), request, RetrieveDocumentSetRequestType.class,
                iti43RequestValidator(), iti43ResponseValidator(), RetrievedDocumentSet.class);
    }

    Response iti57(RegisterDocumentSet request) throws Exception {
        return ask("xds-iti57", addresses.registry(), request, SubmitObjectsRequest.class, iti57RequestValidator(),
                iti57ResponseValidator(), Response.class);
    }

    Response iti62(RemoveMetadata request) throws Exception {
        return ask("rmd-iti62", addresses.registry(), request, RemoveObjectsRequest.class, iti62RequestValidator(),
                iti62ResponseValidator(), Response.class);
    }

    RetrievedDocumentSet rad69(RetrieveImagingDocumentSet request) throws Exception {
        return ask("xdsi-rad69", addresses.imaging(), request, RetrieveImagingDocumentSetRequestType.class,
                rad69RequestValidator(), rad69ResponseValidator(), RetrievedDocumentSet.class);
    }

    private <T> T ask(String component, String address, Object request, Class<?> wire, Processor requestValidator,
            Processor responseValidator, Class<T> answer) throws Exception {
        Object encoded = camel.getTypeConverter().mandatoryConvertTo(wire, request);
        if (requestValidator != null) {
            requestValidator.process(holding(encoded));
        }
        String endpoint = address.replaceFirst("^http://", component + "://") + "?audit=false&properties=#strict";
        Exchange exchange = producer.send(endpoint, holding(encoded));
        if (exchange.getException() != null) {
            throw exchange.getException();
        }
        Object body = exchange.getMessage().getBody();
        responseValidator.process(holding(body));
        return camel.getTypeConverter().mandatoryConvertTo(answer, body);
    }

    private Exchange holding(Object body) {
        Exchange exchange = new DefaultExchange(camel);
        exchange.getIn().setBody(body);
        return exchange;
    }

    @Override
    public void close() {
        camel.stop();
    }
}
