// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ModelRegistry} from "../../src/ModelRegistry.sol";
import {IModelAttestations} from "../../src/interfaces/IModelAttestations.sol";
import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {Base} from "../Base.sol";
import {ContractSigner} from "../mocks/Signers.sol";

contract AttestTest is Base {
    uint256 internal constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    bytes32 internal constant STATEMENT = keccak256("compiled again, same digests");

    address internal auditor = makeAddr("auditor");

    function _signed(
        ModelRegistry registry,
        bytes32 modelId,
        bytes32 statement,
        uint256 key,
        uint256 nonce,
        uint256 end
    ) private view returns (bytes memory) {
        bytes32 digest = registry.attestationDigest(modelId, statement, vm.addr(key), nonce, end);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function testFuzz_anyoneAttests(address caller, bytes32 statement, uint32 later) public {
        vm.warp(START + later);
        vm.expectEmit(address(models));
        emit IModelAttestations.Attested(model, caller, statement);
        vm.prank(caller);
        models.attest(model, statement);
        IModelAttestations.Attestation memory found = models.attestationOf(model, caller);
        assertEq(found.attester, caller);
        assertEq(found.attestedAt, START + later);
        assertEq(found.revokedAt, 0);
        assertEq(found.statementHash, statement);
        assertEq(models.attestationCount(model), 1);
        assertEq(models.attestationCount(mixedModel), 0);
        assertEq(models.attestationOf(mixedModel, caller).attester, address(0));
    }

    function testFuzz_refusesUnknownModels(bytes32 id) public {
        vm.assume(!models.exists(id));
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelUnknown.selector, id));
        models.attest(id, STATEMENT);
        bytes memory signature = _signed(models, id, STATEMENT, key1, 0, START);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelUnknown.selector, id));
        models.attestBySig(id, STATEMENT, publisher1, START, signature);
        assertEq(models.attestationNonce(publisher1), 0);
    }

    function testFuzz_refusesTwo(bytes32 first, bytes32 second) public {
        vm.startPrank(auditor);
        models.attest(model, first);
        vm.expectRevert(abi.encodeWithSelector(IModelAttestations.AlreadyAttested.selector, model, auditor));
        models.attest(model, second);
    }

    function testFuzz_isTakenBackAndGivenAnew(bytes32 again, uint32 wait) public {
        vm.startPrank(auditor);
        models.attest(model, STATEMENT);
        vm.warp(START + wait);
        vm.expectEmit(address(models));
        emit IModelAttestations.AttestationRevoked(model, auditor);
        models.revokeAttestation(model);
        IModelAttestations.Attestation memory found = models.attestationOf(model, auditor);
        assertEq(found.revokedAt, START + wait);
        assertEq(found.statementHash, STATEMENT, "what was said stays readable");
        vm.expectRevert(abi.encodeWithSelector(IModelAttestations.NotAttested.selector, model, auditor));
        models.revokeAttestation(model);
        models.attest(model, again);
        found = models.attestationOf(model, auditor);
        assertEq(found.revokedAt, 0);
        assertEq(found.attestedAt, START + wait);
        assertEq(found.statementHash, again);
        assertEq(models.attestationCount(model), 1, "one entry for each attester");
    }

    function testFuzz_onlyOnesOwnIsRevoked(address caller) public {
        vm.assume(caller != auditor);
        vm.prank(auditor);
        models.attest(model, STATEMENT);
        vm.expectRevert(abi.encodeWithSelector(IModelAttestations.NotAttested.selector, model, caller));
        vm.prank(caller);
        models.revokeAttestation(model);
        vm.expectRevert(abi.encodeWithSelector(IModelAttestations.NotAttested.selector, mixedModel, auditor));
        vm.prank(auditor);
        models.revokeAttestation(mixedModel);
    }

    /// Pages cover the list once and in order, whatever their size; beyond the end there is nothing.
    function testFuzz_pages(uint8 count, uint8 size, uint256 beyond) public {
        count = uint8(_edgy(count, 0, 24));
        size = uint8(_edgy(size, 1, 30));
        for (uint160 i = 1; i <= count; ++i) {
            vm.prank(address(i));
            models.attest(model, bytes32(uint256(i)));
        }
        uint256 seen = 0;
        while (true) {
            IModelAttestations.Attestation[] memory page = models.attestations(model, seen, size);
            for (uint256 i = 0; i < page.length; ++i) {
                assertEq(page[i].attester, address(uint160(++seen)));
                assertEq(page[i].statementHash, bytes32(seen));
            }
            if (page.length < size) break;
        }
        assertEq(seen, count);
        assertEq(models.attestations(model, _edgy(beyond, count, type(uint256).max), size).length, 0);
        assertEq(models.attestations(model, 0, type(uint256).max).length, count);
        assertEq(models.attestations(model, 0, 0).length, 0);
    }

    // --------------------------------------------------------------------- by signature

    /// The digest, written out as EIP-712 says.
    function testFuzz_digestIsEip712(bytes32 statement, address attester, uint256 nonce, uint256 deadline) public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Dodona ModelRegistry"),
                keccak256("1"),
                block.chainid,
                address(models)
            )
        );
        bytes32 inner = keccak256(
            abi.encode(
                keccak256(
                    "Attestation(bytes32 modelId,bytes32 statementHash,address attester,uint256 nonce,uint256 deadline)"
                ),
                model,
                statement,
                attester,
                nonce,
                deadline
            )
        );
        assertEq(
            models.attestationDigest(model, statement, attester, nonce, deadline),
            keccak256(abi.encodePacked(hex"1901", domain, inner))
        );
    }

    function testFuzz_attestsForWhoSigned(uint256 key, bytes32 statement, uint64 wait, address carrier) public {
        key = _edgy(key, 1, ORDER - 1);
        vm.assume(vm.addr(key).code.length == 0);
        uint256 deadline = START + wait;
        bytes memory signature = _signed(models, model, statement, key, 0, deadline);
        vm.warp(deadline);
        vm.expectEmit(address(models));
        emit IModelAttestations.NonceUsed(vm.addr(key), 1);
        vm.expectEmit(address(models));
        emit IModelAttestations.Attested(model, vm.addr(key), statement);
        vm.prank(carrier);
        models.attestBySig(model, statement, vm.addr(key), deadline, signature);
        assertEq(models.attestationOf(model, vm.addr(key)).statementHash, statement);
        assertEq(models.attestationNonce(vm.addr(key)), 1);
    }

    /// A signature that was used is no way to undo a revocation.
    function test_refusesReplay() public {
        bytes memory signature = _signed(models, model, STATEMENT, key1, 0, START);
        models.attestBySig(model, STATEMENT, publisher1, START, signature);
        vm.prank(publisher1);
        models.revokeAttestation(model);
        vm.expectRevert(abi.encodeWithSelector(IModelAttestations.BadAttestationSignature.selector, publisher1));
        models.attestBySig(model, STATEMENT, publisher1, START, signature);
        signature = _signed(models, model, STATEMENT, key1, 1, START);
        models.attestBySig(model, STATEMENT, publisher1, START, signature);
        assertEq(models.attestationOf(model, publisher1).revokedAt, 0);
    }

    function testFuzz_refusesLateSignatures(uint64 deadline, uint64 late) public {
        deadline = uint64(_edgy(deadline, 0, type(uint40).max - 1));
        bytes memory signature = _signed(models, model, STATEMENT, key1, 0, deadline);
        vm.warp(_edgy(late, uint256(deadline) + 1, type(uint40).max));
        vm.expectRevert(abi.encodeWithSelector(IModelAttestations.SignatureExpired.selector, deadline, block.timestamp));
        models.attestBySig(model, STATEMENT, publisher1, deadline, signature);
    }

    /// Bound to model, statement, attester, nonce, deadline, registry and chain.
    function testFuzz_refusesAnyOtherSignature(uint8 what, uint256 other) public {
        what = what % 7;
        uint256 key = what == 0 ? _edgy(other, 1, ORDER - 1) : key1;
        vm.assume(vm.addr(key) != publisher1 || what != 0);
        vm.assume(what != 2 || bytes32(other) != STATEMENT);
        vm.assume(what != 3 || other != 0);
        vm.assume(what != 4 || other != START);
        ModelRegistry registry = what == 5 ? new ModelRegistry(feeds) : models;
        if (what == 6) vm.chainId(_edgy(other, 2, type(uint64).max - 1));
        if (what == 6) vm.assume(block.chainid != 31_337);
        bytes memory signature = _signed(
            registry,
            what == 1 ? mixedModel : model,
            what == 2 ? bytes32(other) : STATEMENT,
            key,
            what == 3 ? other : 0,
            what == 4 ? other : START
        );
        vm.chainId(31_337);
        vm.expectRevert(abi.encodeWithSelector(IModelAttestations.BadAttestationSignature.selector, publisher1));
        models.attestBySig(model, STATEMENT, publisher1, START, signature);
    }

    function testFuzz_refusesMalformedSignatures(bytes calldata signature) public {
        vm.expectRevert(abi.encodeWithSelector(IModelAttestations.BadAttestationSignature.selector, publisher1));
        models.attestBySig(model, STATEMENT, publisher1, START, signature);
        vm.expectRevert(abi.encodeWithSelector(IModelAttestations.BadAttestationSignature.selector, address(0)));
        models.attestBySig(model, STATEMENT, address(0), START, signature);
    }

    function test_whatWasSignedCanBeVoided() public {
        bytes memory signature = _signed(models, model, STATEMENT, key1, 0, START);
        vm.expectEmit(address(models));
        emit IModelAttestations.NonceUsed(publisher1, 1);
        vm.prank(publisher1);
        models.voidSignature();
        vm.expectRevert(abi.encodeWithSelector(IModelAttestations.BadAttestationSignature.selector, publisher1));
        models.attestBySig(model, STATEMENT, publisher1, START, signature);
    }

    function test_contractsSignToo() public {
        ContractSigner signer = new ContractSigner();
        vm.expectRevert(abi.encodeWithSelector(IModelAttestations.BadAttestationSignature.selector, address(signer)));
        models.attestBySig(model, STATEMENT, address(signer), START, "");
        signer.approve(models.attestationDigest(model, STATEMENT, address(signer), 0, START));
        models.attestBySig(model, STATEMENT, address(signer), START, "");
        assertEq(models.attestationOf(model, address(signer)).attester, address(signer));
    }

    // ------------------------------------------------------- what each key can do at worst

    /// An author at worst announces the end of its model. Spec, open requests, successors of others and what others
    /// attested are out of its reach.
    function test_theAuthorAtWorst() public {
        bytes32 id = _request(_params(model, DIRECT));
        vm.prank(auditor);
        models.attest(model, STATEMENT);
        uint64 at = uint64(START) + models.DEPRECATION_NOTICE();
        vm.startPrank(author);
        models.deprecate(model, mixedModel, at);
        vm.expectRevert(abi.encodeWithSelector(IModelAttestations.NotAttested.selector, model, author));
        models.revokeAttestation(model);
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.DirectVerifierAlreadySet.selector, model, address(directRaw))
        );
        models.setDirectVerifier(model, address(directRaw));
        vm.stopPrank();
        assertEq(keccak256(abi.encode(models.specOf(model))), model);
        assertEq(models.attestationOf(model, auditor).revokedAt, 0);
        _fulfil(_prove(_delivery(id, model, DIRECT)));
    }
}
