// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DodonaOracle} from "../../src/DodonaOracle.sol";
import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {IProofVerifier} from "../../src/interfaces/IVerifier.sol";
import {Base} from "../Base.sol";

/// @notice A proof has one use: what the generated verifier is shown differs in word 0 for any other.
contract ReplayTest is Base {
    function _open(uint8 mode) internal returns (Delivery memory) {
        return _delivery(_request(_params(model, mode)), model, mode);
    }

    function testFuzz_refusesTheSameProofAgain(bool aggregate) public {
        Delivery memory d = _prove(_open(aggregate ? AGGREGATED : DIRECT));
        _fulfil(d);
        _expectFulfilRevert(
            d, abi.encodeWithSelector(IDodonaOracle.RequestNotOpen.selector, d.ids[0], IDodonaOracle.Status.Fulfilled)
        );
        assertEq(oracle.creditOf(address(0), operator), oracle.totalCredits(address(0)));
    }

    /// A second open request with the same inputs and the same answer.
    function testFuzz_refusesProofOfAnotherRequest(bool aggregate) public {
        Delivery memory d = _prove(_open(aggregate ? AGGREGATED : DIRECT));
        Delivery memory second = _open(d.mode);
        second.proof = d.proof;
        _expectFulfilRevert(second, abi.encodeWithSelector(IDodonaOracle.ProofRefused.selector));
        assertEq(_status(d.ids[0]), uint256(IDodonaOracle.Status.Open));
    }

    function testFuzz_refusesAnotherPayee(bool aggregate, address thief) public {
        Delivery memory d = _prove(_open(aggregate ? AGGREGATED : DIRECT));
        vm.assume(thief != d.payee && thief != address(0));
        d.payee = thief;
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.ProofRefused.selector));
    }

    function testFuzz_refusesAnotherExpiry(bool aggregate, uint64 expiry) public {
        Delivery memory d = _prove(_open(aggregate ? AGGREGATED : DIRECT));
        expiry = uint64(bound(expiry, block.timestamp, type(uint64).max));
        vm.assume(expiry != d.expiry);
        d.expiry = expiry;
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.ProofRefused.selector));
    }

    function testFuzz_refusesOnAnotherChain(uint64 chain) public {
        chain = uint64(bound(chain, 1, type(uint64).max));
        vm.assume(chain != block.chainid);
        Delivery memory d = _prove(_open(AGGREGATED));
        vm.chainId(chain);
        d.slots[0].observations[0] = _sign(_header(7_001), key1);
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.ProofRefused.selector));
    }

    /// What the wrapper is asked, to the bit: key from the registry, context recomputed, zeros behind the last word.
    function test_theVerifierSeesTheProtocolsWords() public {
        Delivery memory d = _prove(_open(AGGREGATED));
        uint256[] memory words = _words(d);
        assertEq(words.length, 16);
        assertEq(words[1], 7_001);
        for (uint256 i = 3; i < 16; ++i) {
            assertEq(words[i], 0);
        }
        vm.expectCall(
            address(aggregated),
            abi.encodeCall(IProofVerifier.verify, (models.vkDigestOf(model, 1), words, DIRECT_PROOF, d.proof)),
            1
        );
        _fulfil(d);

        Delivery memory second = _prove(_open(DIRECT));
        uint256[] memory others = _words(second);
        assertEq(others.length, 3);
        assertTrue(others[0] != words[0]);
        assertEq(others[1], words[1]);
        assertEq(others[2], words[2]);
        assertEq(others[0], oracle.contextOf(second.ids, DIRECT, operator, second.expiry));
        vm.expectCall(
            address(direct),
            abi.encodeCall(
                IProofVerifier.verify, (uint256(uint160(address(directRaw))), others, DIRECT_PROOF, second.proof)
            ),
            1
        );
        _fulfil(second);
    }

    function testFuzz_contextFitsTheFieldAndBindsAll(bytes32 a, bytes32 b, address payee, uint64 expiry, bool aggregate)
        public
    {
        vm.assume(a != b && payee != address(1) && expiry != 1);
        bytes32[] memory ids = new bytes32[](2);
        (ids[0], ids[1]) = (a, b);
        uint8 mode = aggregate ? 1 : 0;
        uint256 context = oracle.contextOf(ids, mode, payee, expiry);
        assertLt(context, 1 << 248);
        assertEq(context, uint256(keccak256(abi.encode(block.chainid, address(oracle), mode, ids, payee, expiry))) >> 8);
        assertTrue(context != oracle.contextOf(ids, 1 - mode, payee, expiry));
        assertTrue(context != oracle.contextOf(ids, mode, address(1), expiry));
        assertTrue(context != oracle.contextOf(ids, mode, payee, 1));
        DodonaOracle other = new DodonaOracle(owner, models, feeds, router, staking, _ethPrices());
        assertTrue(context != other.contextOf(ids, mode, payee, expiry));
        (ids[0], ids[1]) = (b, a);
        assertTrue(context != oracle.contextOf(ids, mode, payee, expiry));
    }
}
