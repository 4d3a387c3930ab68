// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DodonaSubscriptions} from "../src/DodonaSubscriptions.sol";
import {IDodonaOracle} from "../src/interfaces/IDodonaOracle.sol";
import {IDodonaSubscriptions} from "../src/interfaces/IDodonaSubscriptions.sol";
import {Words} from "../src/libraries/Words.sol";
import {Base} from "./Base.sol";

/// @notice Subscriptions beside the deployment of `Base`, and updates that are "proved" as the written protocol says.
abstract contract SubscriptionsBase is Base {
    struct UpdateCall {
        IDodonaSubscriptions.Target[] targets;
        uint8 mode;
        address payee;
        uint64 expiry;
        IDodonaOracle.Slot[] slots;
        bytes proof;
    }

    DodonaSubscriptions internal subs;

    function setUp() public virtual override {
        super.setUp();
        subs = new DodonaSubscriptions(models, feeds, router);
    }

    /// @dev Direct, an hour, half a per cent of output 0.
    function _subscription() internal view returns (IDodonaSubscriptions.Params memory params) {
        params.modelId = model;
        params.heartbeat = 1 hours;
        params.deviationBp = 50;
        params.maxDataAge = 2 hours;
        params.fee = 0.01 ether;
    }

    function _subscribe(IDodonaSubscriptions.Params memory params) internal returns (bytes32) {
        vm.prank(user);
        return subs.subscribe{value: 1 ether}(params);
    }

    function _updateOf(bytes32 id, uint64 round, int64 value) internal returns (UpdateCall memory) {
        return _updateOf(id, round, value, true, true);
    }

    function _updateOf(bytes32 id, uint64 round, int64 value, bool inDomain, bool unsaturated)
        internal
        returns (UpdateCall memory u)
    {
        bytes32[] memory ids = new bytes32[](1);
        ids[0] = id;
        u = _batchOf(ids, round);
        u.slots[0].outputWords = _outputs(value, inDomain, unsaturated);
        _proveUpdate(u);
    }

    /// @dev Values 1,000, 1,001 …
    function _batchOf(bytes32[] memory ids, uint64 round) internal returns (UpdateCall memory u) {
        u.targets = new IDodonaSubscriptions.Target[](ids.length);
        u.slots = new IDodonaOracle.Slot[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            u.targets[i] = IDodonaSubscriptions.Target(ids[i], round);
            u.slots[i] = _slot(model);
            u.slots[i].outputWords = _outputs(int64(int256(1_000 + i)), true, true);
        }
        try subs.subscriptionOf(ids[0]) returns (IDodonaSubscriptions.Subscription memory s) {
            u.mode = s.params.mode;
        } catch {}
        u.payee = operator;
        u.expiry = uint64(block.timestamp + 1 hours);
        _proveUpdate(u);
    }

    function _outputs(int64 value, bool inDomain, bool unsaturated) internal pure returns (uint256[] memory) {
        int64[] memory outputs = new int64[](3);
        (outputs[0], outputs[1], outputs[2]) = (value, 720_000, 50_000);
        return Words.packOutputs(outputs, inDomain, unsaturated);
    }

    /// @dev "Proves" `u` and nothing else.
    function _proveUpdate(UpdateCall memory u) internal {
        bytes32[] memory ids = new bytes32[](u.targets.length);
        uint256[] memory words = new uint256[](u.mode == DIRECT ? 3 : 16);
        for (uint256 i = 0; i < ids.length; ++i) {
            ids[i] = keccak256(abi.encode(block.chainid, address(subs), u.targets[i].id, u.targets[i].round));
            if (2 * i + 2 >= words.length) return;
            words[1 + 2 * i] = u.slots[i].observations[0].header.commitment;
            words[2 + 2 * i] = u.slots[i].outputWords[0];
        }
        words[0] = uint256(keccak256(abi.encode(block.chainid, address(subs), u.mode, ids, u.payee, u.expiry))) >> 8;
        if (u.mode == DIRECT) {
            u.proof = _bytes(DIRECT_PROOF, words[0]);
            directRaw.prove(abi.encodePacked(words, u.proof));
        } else {
            bytes memory limbs = _limbs(words[0]);
            bytes memory outer = _bytes(OUTER_PROOF, words[0]);
            u.proof = abi.encodePacked(limbs, outer);
            aggregatedRaw.prove(abi.encodePacked(limbs, models.vkDigestOf(model, ids.length), words, outer));
        }
    }

    function _deliver(UpdateCall memory u) internal returns (IDodonaOracle.Outcome[] memory) {
        vm.prank(operator);
        return subs.deliver(u.targets, u.mode, u.payee, u.expiry, u.slots, u.proof);
    }

    function _expectRefused(UpdateCall memory u, bytes memory reason) internal {
        vm.expectRevert(reason);
        _deliver(u);
    }
}
