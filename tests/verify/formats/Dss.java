// What the European Commission's own validator says of a seal: one JSON line. Arguments: the seal, the root (PEM), and
// for each signed object its reference and its file.

import eu.europa.esig.dss.diagnostic.SignatureWrapper;
import eu.europa.esig.dss.model.DSSDocument;
import eu.europa.esig.dss.model.FileDocument;
import eu.europa.esig.dss.model.InMemoryDocument;
import eu.europa.esig.dss.spi.DSSUtils;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import eu.europa.esig.dss.validation.SignedDocumentValidator;
import eu.europa.esig.dss.validation.reports.Reports;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

public class Dss {
    public static void main(String[] given) throws Exception {
        SignedDocumentValidator validator = SignedDocumentValidator.fromDocument(new FileDocument(given[0]));
        List<DSSDocument> objects = new ArrayList<>();
        for (int at = 2; at < given.length; at += 2) {
            objects.add(new InMemoryDocument(Files.readAllBytes(Path.of(given[at + 1])), given[at]));
        }
        validator.setDetachedContents(objects);
        CommonTrustedCertificateSource roots = new CommonTrustedCertificateSource();
        roots.addCertificate(DSSUtils.loadCertificate(new File(given[1])));
        CommonCertificateVerifier trust = new CommonCertificateVerifier();
        trust.setTrustedCertSources(roots);
        validator.setCertificateVerifier(trust);
        Reports reports = validator.validateDocument();
        String id = reports.getSimpleReport().getFirstSignatureId();
        SignatureWrapper seal = reports.getDiagnosticData().getSignatureById(id);
        String entries = seal.getDigestMatchers().stream()
            .map(one -> "[\"" + one.getType() + "\"," + one.isDataFound() + "," + one.isDataIntact() + "]")
            .collect(Collectors.joining(","));
        System.out.println("{\"format\":\"" + seal.getSignatureFormat() + "\",\"intact\":" + seal.isSignatureIntact()
            + ",\"valid\":" + seal.isSignatureValid() + ",\"indication\":\"" + reports.getSimpleReport().getIndication(id)
            + "\",\"entries\":[" + entries + "]}");
    }
}
