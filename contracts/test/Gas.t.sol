// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DodonaOracle} from "../src/DodonaOracle.sol";
import {DodonaSubscriptions} from "../src/DodonaSubscriptions.sol";
import {IDodonaOracle} from "../src/interfaces/IDodonaOracle.sol";
import {IDodonaSubscriptions} from "../src/interfaces/IDodonaSubscriptions.sol";
import {RiskBase} from "./RiskBase.sol";

/// @notice Gas of the verbs, kept in `snapshots/Gas.json`. The generated verifiers are mocks of a few thousand gas,
/// so that what stands there is the cost beside the proof's verification (without the transaction's own 21,000 and
/// calldata).
contract GasTest is RiskBase {
    /// @dev What the first use of an account's slots costs is not part of a verb.
    function setUp() public override {
        super.setUp();
        _fulfil(_prove(_delivery(_request(_params(model, DIRECT)), model, DIRECT)));
        vm.warp(START + 120);
    }

    function test_request() public {
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        _cool();
        vm.prank(user);
        oracle.request{value: params.fee}(params);
        vm.snapshotGasLastCall("Gas", "request");
    }

    function test_requestWithAllExtras() public {
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        (params.refundTo, params.penalty, params.verifierVersion) = (operator, 1 ether, directVersion);
        _cool();
        vm.prank(user);
        oracle.request{value: params.fee}(params);
        vm.snapshotGasLastCall("Gas", "request with refundTo, penalty and version");
    }

    function test_accept() public {
        _enlist(operator);
        bytes32 id = _request(_params(model, DIRECT));
        IDodonaOracle.SignedHeader[] memory observations = _slot(model).observations;
        vm.prank(operator);
        oracle.accept(id, operator, observations);
        id = _request(_params(model, DIRECT));
        _cool();
        vm.prank(operator);
        oracle.accept(id, operator, observations);
        vm.snapshotGasLastCall("Gas", "accept");
        Delivery memory d = _prove(_delivery(id, model, DIRECT));
        _cool();
        _fulfil(d);
        vm.snapshotGasLastCall("Gas", "fulfil direct, accepted");
    }

    function test_fulfilDirect() public {
        Delivery memory d = _prove(_delivery(_request(_params(model, DIRECT)), model, DIRECT));
        _cool();
        _fulfil(d);
        vm.snapshotGasLastCall("Gas", "fulfil direct");
    }

    function test_fulfilAggregated() public {
        _fulfilBatch(1);
        vm.snapshotGasLastCall("Gas", "fulfil aggregated");
    }

    function test_fulfilBatchOf2() public {
        _fulfilBatch(2);
        vm.snapshotGasLastCall("Gas", "fulfil batch of 2");
    }

    function test_fulfilBatchOf3() public {
        _fulfilBatch(3);
        vm.snapshotGasLastCall("Gas", "fulfil batch of 3");
    }

    function _fulfilBatch(uint256 size) private {
        bytes32[] memory ids = new bytes32[](size);
        Delivery memory d = _delivery(0, model, AGGREGATED);
        d.slots = new IDodonaOracle.Slot[](size);
        for (uint256 i = 0; i < size; ++i) {
            ids[i] = _request(_params(model, AGGREGATED));
            d.slots[i] = _slot(model);
        }
        d.ids = ids;
        _prove(d);
        _cool();
        _fulfil(d);
    }

    function test_refund() public {
        bytes32 id = _request(_params(model, DIRECT));
        vm.warp(START + 2 hours);
        _cool();
        oracle.refund(id);
        vm.snapshotGasLastCall("Gas", "refund");
    }

    function test_release() public {
        _release([int64(6_600), 7_300, 500]);
        vm.warp(START + 1 hours);
        bytes32 id = _askRisk(DIRECT);
        Delivery memory d = _prove(_delivery(id, model, DIRECT));
        _fulfil(d);
        vm.snapshotGasLastCall("Gas", "fulfil direct with a release");
        IDodonaOracle.Answer memory answer = oracle.answerOf(id);
        vm.warp(START + 2 hours);
        id = _askRisk(DIRECT);
        answer.observedAt = uint64(block.timestamp);
        vm.cool(address(risk));
        vm.cool(address(envelope));
        vm.prank(address(oracle));
        risk.onDodonaAnswer(id, answer);
        vm.snapshotGasLastCall("Gas", "release of a three-value vector");
    }

    function test_subscriptions() public {
        DodonaSubscriptions subs = new DodonaSubscriptions(models, feeds, router);
        IDodonaSubscriptions.Params memory params;
        params.modelId = model;
        (params.heartbeat, params.maxDataAge) = (1, 1 hours);
        vm.prank(user);
        bytes32 id = subs.subscribe{value: 1 ether}(params);
        vm.cool(address(subs));
        subs.latestRound(id);
        vm.snapshotGasLastCall("Subscriptions", "latestRound");
    }

    function _cool() private {
        vm.cool(address(oracle));
        vm.cool(address(models));
        vm.cool(address(feeds));
        vm.cool(address(router));
        vm.cool(address(staking));
        vm.cool(oracle.desk());
    }
}

/// @notice No contract of ours comes near the limit on code (EIP-170).
contract SizeTest is RiskBase {
    function test_codeSizes() public {
        address[11] memory all = [
            address(oracle),
            address(models),
            address(feeds),
            address(router),
            address(direct),
            address(aggregated),
            address(risk),
            address(envelope),
            address(staking),
            oracle.desk(),
            address(new DodonaSubscriptions(models, feeds, router))
        ];
        for (uint256 i = 0; i < all.length; ++i) {
            assertGt(all[i].code.length, 0);
            assertLt(all[i].code.length, 24_576);
        }
    }
}
