// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {IFeedRegistry} from "../../src/interfaces/IFeedRegistry.sol";
import {IOperatorStaking} from "../../src/interfaces/IOperatorStaking.sol";
import {Base} from "../Base.sol";
import {Consumer} from "../mocks/Consumers.sol";
import {WeirdToken} from "../mocks/Tokens.sol";

/// @notice Asks, accepts, answers, refunds, settles, withdraws, freezes and lets time pass, in any order; keeps its own
/// account of what was paid.
contract OracleHandler is Base {
    bytes32[] public ids;
    mapping(bytes32 => uint256) public settlements;
    mapping(bytes32 => bool) public wasFulfilled;
    mapping(bytes32 => bool) public wasRefunded;
    mapping(address token => uint256) public paidIn;
    mapping(address token => uint256) public paidOut;
    mapping(bytes32 => address) private _acceptedPayee;
    mapping(bytes32 => uint64) private _seqOf;
    /// @dev How often each way was gone, so that no invariant holds for nothing.
    mapping(string way => uint256) public reached;
    bool public ownerMovedFunds;
    uint256 public staked;
    uint256 public unstaked;
    Consumer public consumer;
    WeirdToken public token;
    address[3] public payees;
    address[2] public operators;

    constructor() {
        setUp();
        consumer = new Consumer(oracle);
        vm.deal(address(consumer), 1_000 ether);
        token = new WeirdToken();
        token.mint(user, 1e27);
        vm.prank(user);
        token.approve(address(oracle), type(uint256).max);
        vm.prank(owner);
        oracle.setPrices(address(token), IDodonaOracle.Prices(100, 300, 2, true));
        payees = [operator, user, address(consumer)];
        operators = [operator, makeAddr("rival")];
        for (uint256 i = 0; i < 2; ++i) {
            _enlist(operators[i]);
            staked += 1 ether;
        }
    }

    function getOracle() external view returns (IDodonaOracle) {
        return oracle;
    }

    function getStaking() external view returns (IOperatorStaking) {
        return staking;
    }

    function ownerOfOracle() external view returns (address) {
        return owner;
    }

    function count() external view returns (uint256) {
        return ids.length;
    }

    // ------------------------------------------------------------------ asking

    function ask(uint8 mode, uint96 tip, uint32 lifetime, uint8 way, bool withCallback, bool inToken) external {
        IDodonaOracle.RequestParams memory params = _params(model, mode % 2);
        params.deadline = uint64(block.timestamp + bound(lifetime, 1, 2 hours));
        params.penalty = uint96(bound(tip, 0, 0.2 ether));
        if (withCallback) params.callbackGasLimit = 300_000;
        if (inToken) params.feeToken = address(token);
        uint256 fee = oracle.quote(params) + bound(tip, 0, 0.1 ether);
        params.fee = uint96(fee);
        bytes32 id;
        if (withCallback && !inToken) {
            consumer.setWay(Consumer.Way(way % 7));
            id = consumer.ask(params, fee);
        } else {
            vm.prank(user);
            id = oracle.request{value: inToken ? 0 : fee}(params);
        }
        ids.push(id);
        _seqOf[id] = uint64(block.timestamp) / PERIOD;
        paidIn[params.feeToken] += fee;
    }

    function increase(uint256 which, uint96 amount) external {
        if (ids.length == 0) return;
        bytes32 id = ids[which % ids.length];
        amount = uint96(bound(amount, 1, 0.1 ether));
        address feeToken = oracle.requestOf(id).feeToken;
        vm.prank(user);
        try oracle.increaseFee{value: feeToken == address(0) ? amount : 0}(id, amount) {
            paidIn[feeToken] += amount;
            ++reached["increase"];
        } catch {}
    }

    // --------------------------------------------------------------- answering

    function accept(uint256 which, uint8 who, uint8 payee) external {
        if (ids.length == 0) return;
        bytes32 id = _recent(which);
        IDodonaOracle.SignedHeader[] memory observations = _observationsFor(id);
        vm.prank(operators[who % 2]);
        try oracle.accept(id, payees[payee % 3], observations) {
            _acceptedPayee[id] = payees[payee % 3];
            ++reached["accept"];
        } catch {}
    }

    function answer(uint256 which, uint8 payee, bool asAccepted) external {
        if (ids.length == 0) return;
        bytes32 id = _recent(which);
        Delivery memory d = _delivery(id, model, oracle.requestOf(id).mode);
        d.slots[0].observations = _observationsFor(id);
        d.payee = asAccepted && _acceptedPayee[id] != address(0) ? _acceptedPayee[id] : payees[payee % 3];
        _prove(d);
        bool promised = _isPromised(id);
        vm.prank(operator);
        try oracle.fulfil(d.ids, d.mode, d.payee, d.expiry, d.slots, d.proof) {
            ++settlements[id];
            wasFulfilled[id] = true;
            ++reached["answer"];
            if (promised) ++reached[_isPromised(id) ? "missed" : "kept"];
        } catch {}
    }

    function giveBack(uint256 which) external {
        if (ids.length == 0) return;
        bytes32 id = ids[which % ids.length];
        try oracle.refund(id) {
            ++settlements[id];
            wasRefunded[id] = true;
            ++reached["refund"];
            if (_isPromised(id)) ++reached["missed"];
        } catch {}
    }

    function settle(uint256 which) external {
        if (ids.length == 0) return;
        try oracle.settleMissed(ids[which % ids.length]) {
            ++reached["settle"];
        } catch {}
    }

    function retry(uint256 which, uint8 way) external {
        if (ids.length == 0) return;
        consumer.setWay(Consumer.Way(way % 7));
        try oracle.retryCallback(ids[which % ids.length]) {} catch {}
    }

    // ------------------------------------------------------------------- money

    function withdraw(uint8 payee, bool inToken) external {
        address account = payees[payee % 3];
        address feeToken = inToken ? address(token) : address(0);
        vm.prank(account);
        try oracle.withdraw(feeToken, account) returns (uint256 amount) {
            paidOut[feeToken] += amount;
        } catch {}
    }

    function unstake(uint8 who, uint96 amount, bool finish) external {
        address account = operators[who % 2];
        vm.startPrank(account);
        if (finish) {
            try staking.withdrawUnstaked(account) returns (uint256 paid) {
                unstaked += paid;
            } catch {}
        } else {
            try staking.startUnstake(bound(amount, 1, 0.3 ether)) {} catch {}
        }
        vm.stopPrank();
    }

    // ------------------------------------------------------------------ others

    /// The owner does all that it can: prices, listing, ownership.
    function rule(uint64 a, uint64 b, bool listed, bool inToken) external {
        bytes memory before = _holdings();
        vm.prank(owner);
        oracle.setPrices(
            inToken ? address(token) : address(0),
            IDodonaOracle.Prices(
                uint96(bound(a, 0, 0.01 ether)), uint96(bound(b, 0, 0.01 ether)), 1 gwei, listed || a % 4 != 0
            )
        );
        if (keccak256(before) != keccak256(_holdings())) ownerMovedFunds = true;
    }

    /// One time in four: a version is frozen, and another takes its place.
    function freeze(uint8 dice) external {
        if (dice % 4 != 0) return;
        _freezeVersion(directVersion);
        vm.prank(owner);
        directVersion = router.addVersion(address(direct), address(direct).codehash, 0, DEV_SRS);
        ++reached["freeze"];
    }

    function pass(uint32 time) external {
        vm.warp(block.timestamp + bound(time, 1, 40 minutes));
    }

    // --------------------------------------------------------------- internals

    /// @dev Rather one of the last ones: the others are mostly settled.
    function _recent(uint256 which) private view returns (bytes32) {
        uint256 from = ids.length > 3 && which % 4 != 0 ? ids.length - 3 : 0;
        return ids[from + which % (ids.length - from)];
    }

    function _isPromised(bytes32 id) private view returns (bool) {
        try oracle.acceptanceOf(id) {
            return true;
        } catch {
            return false;
        }
    }

    function _holdings() private view returns (bytes memory) {
        return abi.encode(
            address(oracle).balance,
            token.balanceOf(address(oracle)),
            oracle.totalEscrow(address(0)),
            oracle.totalCredits(address(0)),
            oracle.totalEscrow(address(token)),
            oracle.totalCredits(address(token)),
            address(staking).balance
        );
    }

    function _observationsFor(bytes32 id) internal view returns (IDodonaOracle.SignedHeader[] memory observations) {
        IFeedRegistry.ObservationHeader memory header = _header(7_001);
        header.seq = _seqOf[id];
        header.observedAt = header.seq * PERIOD;
        header.validUntil = header.observedAt + 1 days;
        observations = new IDodonaOracle.SignedHeader[](1);
        observations[0] = _sign(header, key1);
    }
}
